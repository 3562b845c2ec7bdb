"""Intervals: of a median, and of a difference of scores by paired bootstrap."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lissom.core.records import Interval

Array = npt.NDArray[np.floating]
RESAMPLES = 1000


def median_interval(samples: npt.ArrayLike, seed: int = 0) -> tuple[float, Interval]:
    """The median of ``samples`` and its 95 % bootstrap interval (Efron and Tibshirani, 1993, ch. 13)."""
    values = np.asarray(samples, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(values), size=(RESAMPLES, len(values)))
    medians = np.median(values[draws], axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(np.median(values)), (float(low), float(high))


def ratio_interval(samples: npt.ArrayLike, base: npt.ArrayLike, seed: int = 0) -> tuple[float, Interval]:
    """The ratio of two medians, of samples taken in turn (pair by pair), with its 95 % bootstrap interval."""
    ours, theirs = np.asarray(samples, dtype=np.float64), np.asarray(base, dtype=np.float64)
    count = min(len(ours), len(theirs))
    draws = np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))
    ratios = np.median(ours[:count][draws], axis=1) / np.median(theirs[:count][draws], axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(np.median(ours) / np.median(theirs)), (float(low), float(high))


def score_interval(grades: Array, score: Callable[[Array], float], seed: int = 0) -> tuple[float, Interval]:
    """The score of graded examples and its 95 % bootstrap interval.

    Args:
        grades: what the task needs of each example, ``(examples, ...)``.
        score: the task's score of any subset of grades.
        seed: of the resampling.
    """
    draws = _draws(len(grades), seed)
    scores = [score(grades[draw]) for draw in draws]
    low, high = np.quantile(scores, [0.025, 0.975])
    return score(grades), (float(low), float(high))


def drop_interval(
    original: Array, changed: Array, score: Callable[[Array], float], seed: int = 0
) -> tuple[float, Interval]:
    """How many points the score fell, with its paired-bootstrap interval.

    Args:
        original: grades of the original, ``(examples, ...)``.
        changed: grades of the changed model on the same examples in the same order.
        score: the task's score of any subset of grades.
        seed: of the resampling.
    """
    drops = [score(original[draw]) - score(changed[draw]) for draw in _draws(len(original), seed)]
    low, high = np.quantile(drops, [0.025, 0.975])
    return score(original) - score(changed), (float(low), float(high))


def _draws(count: int, seed: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))
