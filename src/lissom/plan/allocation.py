"""How wide each group stays under limits on cost: knows widths, importance and costs, but no model.

Greedy, as in knapsack relaxations for pruning (Shen et al., 2022, "Structural pruning via latency-saliency
knapsack", section 3): units leave where the least importance is lost for the most cost saved.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Widths = dict[int, int]
_POWER = 3  # see Choice.lost
_WIDE = 4  # multiples: narrower groups would lose too large a part at a time


@dataclass(frozen=True)
class Choice:
    """A group whose width may be chosen.

    Args:
        index: of the group.
        name: what people call it.
        importance: of each of its units; figures of all groups are comparable.
        least: how many units stay whatever happens.
        multiple: widths are whole multiples of it where the group is at least four times as wide.
        grain: and of this where it is narrower, but at least twice as wide: what lies between costs the target as
            much as the multiple above it.
    """

    index: int
    name: str
    importance: tuple[float, ...]
    least: int = 1
    multiple: int = 1
    grain: int = 1

    @property
    def units(self) -> int:
        """The width before."""
        return len(self.importance)

    @cached_property
    def ascending(self) -> npt.NDArray[np.float64]:
        """Importance from the least unit to the greatest."""
        return np.sort(np.asarray(self.importance, dtype=np.float64))

    def narrower(self, width: int) -> int:
        """The next width below ``width`` that may be taken, or ``width`` itself at the end.

        A twentieth goes at a time, so that a wide group does not take a thousand turns.
        """
        stride = max(1, width // 20)
        target = width - stride
        step = self.multiple if self.units >= _WIDE * self.multiple else self.grain
        if self.units >= 2 * step:
            target = target // step * step
        return target if target >= max(self.least, 1) else width

    def lost(self, width: int, below: int) -> float:
        """Importance lost by going from ``width`` to ``below``.

        Units of a group stand in for each other once its consumers are solved anew, so each one matters more the
        fewer are left: the sum is divided by a power of the share that stays. Of the powers 1 to 4, 3 lost least
        before training on the sample network at two sizes; 1 lost about a point more.
        """
        gone = self.ascending[self.units - width : self.units - below].sum()
        return float(gone) * (self.units / below) ** _POWER


@dataclass(frozen=True)
class Side:
    """One dimension of a tensor: its size, and how many of its places belong to which groups.

    A place of several groups (a head, and a cell of every head) is left where all of them leave it.
    """

    size: int
    parts: tuple[tuple[tuple[int, ...], int], ...]

    def share(self, widths: Mapping[int, int], full: Mapping[int, int]) -> float:
        """The share of the dimension that is left at these widths."""
        gone = sum(
            places * (1 - math.prod(widths[group] / full[group] for group in groups)) for groups, places in self.parts
        )
        return max(0.0, 1 - gone / self.size)


@dataclass(frozen=True)
class Term:
    """A tensor of the model: what it costs at full width, and the sides that shrink it.

    ``latency_ms`` is the part of its layer's time that goes with its share; what stays whatever is cut is not in it.
    """

    name: str
    parameters: float
    macs: float
    sides: tuple[Side, ...]
    latency_ms: float = 0.0

    def share(self, widths: Mapping[int, int], full: Mapping[int, int]) -> float:
        """The share of the tensor that is left at these widths."""
        return math.prod(side.share(widths, full) for side in self.sides)


@dataclass(frozen=True)
class CostModel:
    """The cost of a choice of widths, in parameters, multiply-adds and milliseconds."""

    choices: tuple[Choice, ...]
    terms: tuple[Term, ...]

    @cached_property
    def full(self) -> Widths:
        """The widths before."""
        return {choice.index: choice.units for choice in self.choices}

    def cost(self, measure: str, widths: Mapping[int, int]) -> float:
        """The total of ``measure`` (``"parameters"``, ``"macs"`` or ``"latency_ms"``) at these widths."""
        return sum(getattr(term, measure) * term.share(widths, self.full) for term in self.terms)

    def saved(self, measure: str, widths: Mapping[int, int], index: int, below: int) -> float:
        """What the total of ``measure`` loses when the group ``index`` alone goes down to ``below``."""
        after = {**widths, index: below}
        return sum(
            getattr(term, measure) * (term.share(widths, self.full) - term.share(after, self.full))
            for term in self._touched.get(index, ())
        )

    @cached_property
    def _touched(self) -> dict[int, list[Term]]:
        """The terms that each group shrinks: few, so that one turn of a search does not add up the whole model."""
        found: dict[int, list[Term]] = {}
        for term in self.terms:
            for index in {group for side in term.sides for groups, _ in side.parts for group in groups}:
                found.setdefault(index, []).append(term)
        return found


def allocate(model: CostModel, limits: Mapping[str, float]) -> Widths | None:
    """The widths that lose the least importance and keep within ``limits``.

    Args:
        model: groups and what they cost.
        limits: the most of ``"parameters"``, ``"macs"`` and ``"latency_ms"`` that is allowed.

    Returns:
        Group to width, or ``None`` when even the narrowest model costs more.
    """
    widths = dict(model.full)
    while True:
        over = {measure: allowed for measure, allowed in limits.items() if model.cost(measure, widths) > allowed}
        if not over:
            return widths
        best = _cheapest_narrowing(model, widths, over)
        if best is None:
            return None
        widths[best[0]] = best[1]


def _cheapest_narrowing(model: CostModel, widths: Widths, over: Mapping[str, float]) -> tuple[int, int] | None:
    """The group, and its next width, that loses least importance for what it saves of the limits in ``over``."""
    best: tuple[float, int, int] | None = None
    for choice in model.choices:
        width = widths[choice.index]
        below = choice.narrower(width)
        if below == width:
            continue
        saved = sum(model.saved(measure, widths, choice.index, below) / allowed for measure, allowed in over.items())
        if saved <= 0:
            continue
        price = choice.lost(width, below) / saved
        if best is None or price < best[0]:
            best = (price, choice.index, below)
    return None if best is None else best[1:]


def narrowest(model: CostModel) -> Widths:
    """The least widths that may be taken."""
    widths = dict(model.full)
    for choice in model.choices:
        while (below := choice.narrower(widths[choice.index])) != widths[choice.index]:
            widths[choice.index] = below
    return widths


def to_json(widths: Mapping[int, int], choices: Sequence[Choice]) -> list[dict[str, Any]]:
    """Widths for a record: group, name, before and after."""
    return [
        {"group": choice.index, "name": choice.name, "before": choice.units, "after": widths[choice.index]}
        for choice in choices
    ]
