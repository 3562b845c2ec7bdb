"""Intervals: of a median, of a ratio of medians, of a score, and of a difference of scores.

All are 95 % percentile intervals of the bootstrap (Efron and Tibshirani, 1993, "An introduction to the
bootstrap", ch. 13) over ``RESAMPLES`` draws, the same for the same seed.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from lissom.core.records import Interval

Array = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.int64]
RESAMPLES = 1000


def median_interval(samples: npt.ArrayLike, seed: int = 0) -> tuple[float, Interval]:
    """The median of ``samples``, one or more, and its interval."""
    values = np.asarray(samples, dtype=np.float64)
    medians = np.median(values[_draws(len(values), seed)], axis=1)
    return float(np.median(values)), _middle(medians)


def ratio_interval(samples: npt.ArrayLike, base: npt.ArrayLike, seed: int = 0) -> tuple[float, Interval]:
    """The ratio of two medians and its interval.

    Args:
        samples: timings of one thing.
        base: timings of the other, taken in turn with them. Pairs are drawn, so that what the machine did at the
            time falls on both; where one has more, its last ones are in no pair.
        seed: of the resampling.
    """
    ours, theirs = np.asarray(samples, dtype=np.float64), np.asarray(base, dtype=np.float64)
    count = min(len(ours), len(theirs))
    draws = _draws(count, seed)
    ratios = np.median(ours[:count][draws], axis=1) / np.median(theirs[:count][draws], axis=1)
    return float(np.median(ours) / np.median(theirs)), _middle(ratios)


def score_interval(
    grades: Array, score: Callable[[Array], float], seed: int = 0, *, together: Numbers | None = None
) -> tuple[float, Interval]:
    """The score of graded examples and its interval.

    Args:
        grades: what the task needs of each example, ``(examples, ...)``.
        score: the task's score of any subset of grades.
        seed: of the resampling.
        together: numbers ``(examples,)``; examples of one number are no independent ones, and drawn together (the
            cluster bootstrap; Davison and Hinkley 1997, section 3.8).
    """
    scores = [score(grades[draw]) for draw in _drawn(len(grades), together, seed)]
    return score(grades), _middle(scores)


def drop_interval(
    original: Array,
    changed: Array,
    score: Callable[[Array], float],
    seed: int = 0,
    *,
    together: Numbers | None = None,
) -> tuple[float, Interval]:
    """How many points the score fell, and its interval by the paired bootstrap (Koehn, 2004, "Statistical
    significance tests for machine translation evaluation"): examples are drawn, not models.

    Args:
        original: grades of the original, ``(examples, ...)``.
        changed: grades of the changed model on the same examples in the same order.
        score: the task's score of any subset of grades.
        seed: of the resampling.
        together: as for :func:`score_interval`.
    """
    drops = [score(original[draw]) - score(changed[draw]) for draw in _drawn(len(original), together, seed)]
    return score(original) - score(changed), _middle(drops)


def _drawn(count: int, together: Numbers | None, seed: int) -> Iterable[Numbers]:
    """The examples of each resample."""
    if together is None:
        return _draws(count, seed)
    parts: list[Numbers] = [np.flatnonzero(together == number) for number in np.unique(together)]
    return (np.concatenate([parts[int(part)] for part in draw]) for draw in _draws(len(parts), seed))


def _draws(count: int, seed: int) -> Numbers:
    """Which of ``count`` examples each resample holds, ``(RESAMPLES, count)``."""
    return np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))


def _middle(resampled: npt.ArrayLike) -> Interval:
    """What 95 % of the resamples lie within."""
    values = np.asarray(resampled, dtype=np.float64)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
