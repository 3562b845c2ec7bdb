"""Ranges hold zero and what was seen; narrower ones are chosen where few values are far out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.targets.quantizing.ranges import Histogram, choose, counted
from lissom.targets.quantizing.recipes import METHODS

NARROWER = METHODS[1:]


def histogram(values: np.ndarray) -> Histogram:
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    return Histogram(np.histogram(values, 2048, (low, high))[0], low, high)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(NARROWER), st.integers(0, 2**31), st.floats(-3, 3))
def test_a_range_holds_zero_and_lies_in_what_was_seen(method: str, seed: int, shift: float) -> None:
    values = np.random.default_rng(seed).normal(shift, 1, 3000)
    found = histogram(values)
    low, high = choose(found, method)
    assert found.low - 1e-6 <= low <= 0 <= high <= found.high + 1e-6


@pytest.mark.parametrize(("method", "most"), [("percentile", 10), ("mse", 56)])
def test_one_value_far_out_does_not_widen_the_range(method: str, most: float) -> None:
    values = np.concatenate([np.random.default_rng(0).normal(0, 1, 100_000), [60.0]])
    assert choose(histogram(values), method)[1] < most


def test_the_least_error_is_no_larger_than_that_of_the_whole_range() -> None:
    values = np.random.default_rng(0).standard_t(2, 50_000)
    found = histogram(values)

    def error(ends: tuple[float, float]) -> float:
        step = (ends[1] - ends[0]) / 255
        return float(np.square(np.clip(np.round(values / step) * step, *ends) - values).mean())

    assert error(choose(found, "mse")) < error((found.low, found.high))


def test_a_value_that_is_always_zero_has_a_range() -> None:
    assert choose(Histogram(np.zeros(2048, np.int64), 0.0, 0.0), "mse") == (0.0, 0.0)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5000), st.floats(-100, 100), st.floats(1e-6, 1e6))
def test_values_are_counted_in_the_bins_that_they_are_in(seed: int, size: int, shift: float, width: float) -> None:
    values = np.random.default_rng(seed).normal(shift, width, size).astype(np.float32)
    ends = min(0.0, float(values.min())), max(0.0, float(values.max()))
    found, exact = counted(values, ends), np.histogram(values, 2048, ends)[0]
    assert found.sum() == size
    # one that lies between two bins may be counted in either
    assert np.abs(np.cumsum(found) - np.cumsum(exact)).max() <= max(2, 0.01 * size)


@pytest.mark.filterwarnings("error")
def test_what_never_changes_and_what_is_not_finite_is_not_counted() -> None:
    assert not counted(np.zeros(5, dtype=np.float32), (0.0, 0.0)).any()
    odd = np.asarray([np.nan, np.inf, 0.5, -np.inf], dtype=np.float32)
    assert counted(odd, (0.0, 1.0)).sum() == 1
    assert not counted(odd, (0.0, np.inf)).any()
