"""Intervals cover what they say they cover, on distributions whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.statistics import drop_interval, median_interval, ratio_interval, score_interval


def accuracy(grades: np.ndarray) -> float:
    return 100.0 * float(grades.mean())


def coverage(inside: list[bool]) -> float:
    """How often the truth was inside. An interval that is too wide would hold it always."""
    return float(np.mean(inside))


def test_the_interval_of_a_median_covers_it_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(80):
        _, (low, high) = median_interval(rng.lognormal(0.0, 0.5, 101))
        inside.append(low <= 1.0 <= high)
    assert 0.87 <= coverage(inside) < 1.0


def test_the_interval_of_a_ratio_covers_it() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(80):
        noise = rng.lognormal(0.0, 0.1, 80)  # what else the machine did falls on both
        ours, theirs = 0.25 * noise * rng.lognormal(0, 0.05, 80), noise * rng.lognormal(0, 0.05, 80)
        _, (low, high) = ratio_interval(ours, theirs)
        inside.append(low <= 0.25 <= high)
    assert 0.87 <= coverage(inside) < 1.0


def test_the_interval_of_a_score_covers_it() -> None:
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(40):
        _, (low, high) = score_interval((rng.random(300) < 0.8).astype(float), accuracy)
        inside.append(low <= 80.0 <= high)
    assert 0.82 <= coverage(inside) < 1.0


def test_the_interval_of_a_drop_covers_it() -> None:
    rng = np.random.default_rng(3)
    inside = []
    for _ in range(40):
        original = rng.random(400) < 0.9
        changed = np.where(rng.random(400) < 0.05, ~original, original)  # loses 4.5 and gains 0.5 points
        _, (low, high) = drop_interval(original.astype(float), changed.astype(float), accuracy)
        inside.append(low <= 4.0 <= high)
    assert 0.82 <= coverage(inside) < 1.0


def test_a_drop_is_paired() -> None:
    """Two models that err on the same examples differ by nothing, however uncertain either score is."""
    grades = (np.random.default_rng(0).random(100) < 0.5).astype(float)
    assert drop_interval(grades, grades, accuracy) == (0.0, (0.0, 0.0))
    changed = grades.copy()
    changed[np.flatnonzero(grades == 1)[:2]] = 0
    drop, (low, high) = drop_interval(grades, changed, accuracy)
    assert drop == pytest.approx(2.0) and high - low < 7.0
    _, (one_low, one_high) = score_interval(grades, accuracy)
    assert one_high - one_low > 15.0


def test_a_gain_is_a_negative_drop() -> None:
    original, changed = np.zeros(50), np.ones(50)
    assert drop_interval(original, changed, accuracy)[0] == -100.0


def test_the_same_seed_gives_the_same_interval() -> None:
    samples = np.random.default_rng(0).random(50)
    assert median_interval(samples) == median_interval(samples)
    assert median_interval(samples) != median_interval(samples, seed=1)


def test_ratios_take_pairs_where_one_has_more() -> None:
    ratio, (low, high) = ratio_interval([1.0, 1.0, 1.0, 9.0], [2.0, 2.0, 2.0])
    assert (ratio, low, high) == (0.5, 0.5, 0.5)


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_an_interval_lies_within_the_samples_and_around_the_median(samples: list[float]) -> None:
    median, (low, high) = median_interval(samples)
    assert min(samples) - 1e-9 <= low <= high <= max(samples) + 1e-9
    assert median == pytest.approx(float(np.median(samples)))


def test_scores_that_are_no_means_are_resampled_as_wholes() -> None:
    def pooled(grades: np.ndarray) -> float:
        return 100.0 * float(grades[:, 0].sum() / grades[:, 1].sum())

    rng = np.random.default_rng(0)
    grades = np.stack([rng.integers(0, 5, 60), np.full(60, 5)], axis=1).astype(float)
    score, (low, high) = score_interval(grades, pooled)
    assert low < score < high and score == pytest.approx(pooled(grades))


def test_examples_that_belong_together_are_drawn_together() -> None:
    """Ten frames of a scene are no ten scenes: where they are all alike, the interval is that of the scenes."""
    scenes = np.random.default_rng(3).integers(0, 2, 40).astype(float)
    frames, together = scenes.repeat(10), np.arange(40).repeat(10)
    score, (low, high) = score_interval(frames, accuracy, together=together)
    assert (score, (low, high)) == score_interval(scenes, accuracy)
    _, (narrow_low, narrow_high) = score_interval(frames, accuracy)
    assert high - low > 2.5 * (narrow_high - narrow_low)
    mixed = np.random.default_rng(0).permutation(400)
    drop = drop_interval(frames, 1 - frames, accuracy, together=together)
    assert drop == drop_interval(scenes, 1 - scenes, accuracy)
    assert drop_interval(frames[mixed], 1 - frames[mixed], accuracy, together=together[mixed])[0] == drop[0]
