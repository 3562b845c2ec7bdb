"""The front: the results that no other beats in everything. Knows figures, but no models."""

from collections.abc import Sequence
from dataclasses import dataclass

_LEAST, _ENOUGH = 0.25, 5.0


@dataclass(frozen=True)
class Point:
    """One result: its number, what it loses in points, what it costs by measure, and its overshoot.

    ``overshoot`` is how far the limits of a budget are missed in all, 0 where all are met.
    """

    number: int
    drop: float
    costs: tuple[tuple[str, float], ...]
    overshoot: float = 0.0

    def beaten_by(self, other: "Point") -> bool:
        """Whether ``other`` is nowhere worse and somewhere better (Pareto dominance)."""
        mine = (self.drop, *(cost for _, cost in self.costs))
        theirs = (other.drop, *(cost for _, cost in other.costs))
        return all(b <= a for a, b in zip(mine, theirs, strict=True)) and mine != theirs


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats, from the least drop to the greatest."""
    left = [point for point in points if not any(point.beaten_by(other) for other in points)]
    return sorted(left, key=lambda point: (point.drop, point.costs))


def pick(points: Sequence[Point], *, by_drop: bool) -> Point:
    """The point to deliver: of those that meet the budget the one that loses least, else the closest.

    Args:
        points: at least one.
        by_drop: false where nothing but the drop is limited: then the one that costs least is meant.
    """
    met = [point for point in points if point.overshoot == 0]
    if not met:
        return min(points, key=lambda point: point.overshoot)
    return min(met, key=lambda point: (point.drop, point.costs) if by_drop else (point.costs, point.drop))


def shares_of_time(drops: Sequence[float], hope: float) -> list[float]:
    """The part of the time that is left which each result may take in turn.

    Time is spent where it may lead within the allowed drop: what lost more than a recovery may make good takes less by
    as much, and so does what lost less than a fifth of that, down to a quarter.

    Args:
        drops: points that each lost before any training.
        hope: points that a recovery may make good.
    """
    weights = [min(1.0, max(_LEAST, _ENOUGH * drop / hope), hope / max(drop, 1e-6)) for drop in drops]
    return [weight / sum(weights[place:]) for place, weight in enumerate(weights)]
