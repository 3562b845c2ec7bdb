"""Which cut to try next: ask and tell over a ladder of cuts, from the widest to the narrowest. Knows no models.

A narrower cut is taken to lose more, so a success says that all wider rungs would do, and a failure that no
narrower one will.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A rung of the ladder that was tried, and whether the score was kept there."""

    rung: int
    kept: bool


def first_rung(drops: Sequence[float], hope: float) -> int:
    """The narrowest rung whose drop before any training is at most ``hope`` points, else the widest.

    Args:
        drops: points lost by the cut and its repair alone, from the widest rung to the narrowest.
        hope: what a recovery is expected to make good.
    """
    hopeful = [rung for rung, drop in enumerate(drops) if drop <= hope]
    return max(hopeful, default=0)


def hopes_by_pace(hope: float, epochs: Sequence[float]) -> list[float]:
    """What the recovery of each rung is expected to make good, where narrower rungs learn for longer in the time left.

    What is left of a loss is taken to fall with the square root of the length of the training, as estimates from
    samples do; it is a rule of thumb. So twice the epochs make good what is 1.4 times as bad.

    Args:
        hope: points that the recovery of the widest rung makes good.
        epochs: how many the time left allows each rung, the widest first; all alike without a limit.
    """
    return [hope * max(1.0, (1 + count) / (1 + epochs[0])) ** 0.5 for count in epochs]


def next_rung(rungs: int, first: int, outcomes: Sequence[Outcome]) -> int | None:
    """The rung to try next: narrower where the score was kept, wider where it was not.

    Args:
        rungs: how many there are, one or more; number 0 is the widest.
        first: where to begin, from :func:`first_rung`.
        outcomes: what was tried so far.

    Returns:
        ``None`` when the narrowest rung that keeps the score is known, or none is left.
    """
    if not outcomes:
        return first
    tried = {outcome.rung for outcome in outcomes}
    kept = [outcome.rung for outcome in outcomes if outcome.kept]
    candidate = max(kept) + 1 if kept else min(tried) - 1
    return candidate if 0 <= candidate < rungs and candidate not in tried else None
