"""The sentences that the terminal and the page share: ratios, misses, the outcome, and commands to type."""

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lissom.core.records import Interval, LimitCheck, Settings, Trial
from lissom.plan.budget import parse_budget
from lissom.report.view import RunView

SAME = 0.005


def times(before: float, after: float, *, less: str, more: str, same: str) -> str:
    """``"55x smaller"``, ``"1.2x larger"`` or what is said when nothing changed."""
    if before <= 0 or after <= 0 or abs(before / after - 1) < SAME:
        return same
    ratio, word = (before / after, less) if after < before else (after / before, more)
    if ratio < 1.1:
        return f"{abs(after / before - 1) * 100:.1f} % {word}"
    return f"{ratio:.0f}x {word}" if ratio >= 20 else f"{ratio:.2g}x {word}"


def lower(drop: float) -> str:
    """``"0.23 points lower"``, ``"0.12 points higher"`` or ``"the same"``."""
    if round(abs(drop), 2) == 0:
        return "the same"
    return f"{abs(drop):.2f} points {'lower' if drop > 0 else 'higher'}"


def interval(values: Interval, digits: int = 2) -> str:
    """``"95 %: -0.11 to 0.52"``."""
    return f"95 %: {values[0]:.{digits}f} to {values[1]:.{digits}f}"


def held_against(check: LimitCheck, drop_interval: Interval) -> str:
    """``"size 1.3 % of 2 %"``; for the drop with its interval in points."""
    used, allowed = check.used_text, check.allowed_text
    if used.endswith(" points") and allowed.endswith(" points"):
        used = used.removesuffix(" points")
    text = f"{check.limit} {used} of {allowed}"
    return f"{text} ({interval(drop_interval)})" if check.limit == "drop" else text


def missed(checks: Iterable[LimitCheck]) -> str:
    """By how much each limit was missed: ``"latency by 20 %, drop by 5 %"`` (of the limit itself)."""
    return ", ".join(f"{check.limit}{_excess(check)}" for check in checks if not check.met)


def decision(trial: Trial) -> str:
    """``"kept: ..."`` or ``"undone: ..."``."""
    word = "kept" if trial.kept else "undone"
    return f"{word}: {trial.reason}" if trial.reason else word


def conditions(view: RunView) -> str:
    """What the original was measured as: ``"FP32, onnxruntime, 1 thread"``."""
    settings = view.settings
    threads = f"{settings.threads} {'thread' if settings.threads == 1 else 'threads'}"
    batch = f", batch {settings.batch}" if settings.batch != 1 else ""
    return f"FP32, {settings.target}, {threads}{batch}"


def outcome(view: RunView) -> str:
    """The result of a run in one sentence."""
    verdict = view.verdict
    if verdict is None:
        return progress(view)
    before, after = verdict.original.size_bytes, verdict.final.size_bytes
    size = times(before, after, less="smaller", more="larger", same="no smaller")
    speed = times(1.0, verdict.latency_ratio, less="faster", more="slower", same="no faster")
    start = "Budget met" if verdict.met else f"Budget missed ({missed(verdict.limits)})"
    score = f"its score is {lower(verdict.drop)} ({interval(verdict.drop_interval)})"
    return f"{start}: the result is {size} and {speed} than the original, and {score}."


def progress(view: RunView) -> str:
    """How far a run without a verdict got, held against its budget on the split it chooses by."""
    if view.finished:
        return "ended without a verdict"
    count = len(view.trials)
    text = f"not finished: {count} {'move' if count == 1 else 'moves'} tried, {len(view.kept)} kept"
    best = view.kept[-1] if view.kept else None
    if best is None or best.figures is None or view.baseline is None:
        return text
    checks = parse_budget(view.settings.budget).check(view.baseline, best.figures, best.drop, best.latency_ratio)
    limits = ", ".join(held_against(check, best.drop_interval) for check in checks)
    return f"{text}; so far on the {best.figures.split} split: {limits}"


def compress_command(view: RunView) -> str:
    """The command that makes this run again, or goes on with it."""
    settings = view.settings
    return _joined(
        ["lissom", "compress", settings.model],
        {
            "task": settings.task,
            "data": settings.data,
            "budget": settings.budget,
            "target": settings.target,
            **_counts(settings),
            **settings.options,
        },
        ["-o", str(view.folder)],
    )


def next_command(view: RunView) -> str:
    """What one would type after looking at this run."""
    if not view.finished:
        return compress_command(view)
    bundle = view.folder / "bundle"
    if view.settings.task == "image":
        return shlex.join(["lissom", "predict", str(bundle)]) + " PICTURE"
    return shlex.join(["python", str(bundle / "predict.py"), "--help"])


def page_path(view: RunView) -> Path:
    """Where the page of this run lies."""
    return view.folder / "report.html"


def _excess(check: LimitCheck) -> str:
    if check.allowed <= 0:
        return f" ({check.used_text} of {check.allowed_text})"
    return f" by {(check.used / check.allowed - 1) * 100:.2g} %"


def _counts(settings: Settings) -> dict[str, int]:
    """The numbers that differ from what the command line takes by itself."""
    usual = {"threads": 1, "batch": 1, "seed": 0}
    return {name: getattr(settings, name) for name, value in usual.items() if getattr(settings, name) != value}


def _joined(command: list[str], options: dict[str, Any], last: list[str]) -> str:
    words = [*command]
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        for item in value if isinstance(value, (list, tuple)) else (value,):  # pyright: ignore[reportUnknownVariableType]
            if item is True:
                words.append(flag)
            elif item is not None and item is not False and item != "":
                words += [flag, str(item)]  # pyright: ignore[reportUnknownArgumentType]
    return shlex.join([*words, *last])
