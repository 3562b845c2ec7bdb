"""Bars that are plain HTML: widths by layer, drop by class, and where the time went."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from lissom.core.records import Figures, Width

FEW_CLASSES = 14
WORST, BEST = 10, 4


@dataclass(frozen=True)
class WidthBar:
    """One layer: ``share`` is what was left of its width, in percent."""

    layer: str
    kind: str
    before: int
    after: int
    share: float


@dataclass(frozen=True)
class ClassBar:
    """One class: its score before and after, and where its bar begins and how long it is, in percent."""

    name: str
    before: float
    after: float
    drop: float
    start: float
    length: float


@dataclass(frozen=True)
class ClassBars:
    """All classes from the greatest loss to the greatest gain; ``shown`` are the ends where there are many."""

    shown: tuple[ClassBar, ...]
    hidden: tuple[ClassBar, ...]
    count: int
    lost: int
    gained: int


@dataclass(frozen=True)
class TimeBar:
    """One part of a run's time, its seconds and its share in percent."""

    name: str
    seconds: float
    share: float


def width_bars(widths: tuple[Width, ...]) -> tuple[WidthBar, ...]:
    """One bar a layer, in the order of the network; layers of one block that were left out share a bar."""
    return tuple(
        WidthBar(width.layer, width.kind, width.before, width.after, 100 * width.after / max(width.before, 1))
        for _, run in groupby(widths, _place)
        for width in _joined(list(run))
    )


def _place(width: Width) -> tuple[bool, str]:
    """Whether a layer was left out, and the numbered block that it was left out with."""
    block = re.match(r".+?\.\d+(?=\.)", width.layer)
    return width.after == 0, block[0] if block and width.after == 0 else width.layer


def _joined(run: list[Width]) -> list[Width]:
    gone, block = _place(run[0])
    if len(run) == 1 or not gone or block == run[0].layer:
        return run
    return [Width(block, f"{len(run)} layers, left out", sum(width.before for width in run), 0)]


def class_bars(original: Figures, result: Figures, classes: tuple[str, ...]) -> ClassBars | None:
    """Points lost by class, or ``None`` where scores by class were not measured."""
    pairs = [
        (_name(number, classes), before, after)
        for number, (before, after) in enumerate(zip(original.score_by_class, result.score_by_class, strict=False))
        if before is not None and after is not None
    ]
    if not pairs or len(original.score_by_class) != len(result.score_by_class):
        return None
    widest = max(max(abs(before - after) for _, before, after in pairs), 1.0)
    bars = sorted((_class_bar(*pair, widest) for pair in pairs), key=lambda bar: -bar.drop)
    few = len(bars) <= FEW_CLASSES
    shown = bars if few else [*bars[:WORST], *bars[-BEST:]]
    return ClassBars(
        shown=tuple(shown),
        hidden=() if few else tuple(bars),
        count=len(bars),
        lost=sum(bar.drop > 0 for bar in bars),
        gained=sum(bar.drop < 0 for bar in bars),
    )


def time_bars(seconds: float, parts: Mapping[str, float]) -> tuple[TimeBar, ...]:
    """The parts of a run's time, the longest first, and what is left over as ``other``."""
    other = seconds - sum(parts.values())
    named = sorted(parts.items(), key=lambda part: -part[1])
    if other > 0.01 * seconds:
        named.append(("other", other))
    whole = max(seconds, sum(parts.values()), 1e-9)
    return tuple(TimeBar(name, value, 100 * value / whole) for name, value in named)


def _name(number: int, classes: tuple[str, ...]) -> str:
    return classes[number] if number < len(classes) else f"class {number}"


def _class_bar(name: str, before: float, after: float, widest: float) -> ClassBar:
    drop = before - after
    length = 50 * abs(drop) / widest
    return ClassBar(name, before, after, drop, 50 if drop >= 0 else 50 - length, length)
