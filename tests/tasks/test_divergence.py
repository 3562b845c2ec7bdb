"""The divergence: zero for the same chances, that of the textbook for others, finite for certain answers."""

import numpy as np
import pytest

from lissom.tasks.divergence import divergence


def test_of_known_chances() -> None:
    ours, theirs = np.asarray([[0.5, 0.5], [0.9, 0.1]]), np.asarray([[0.75, 0.25], [0.9, 0.1]])
    expected = (0.75 * np.log(0.75 / 0.5) + 0.25 * np.log(0.25 / 0.5)) / 2
    assert divergence(np.log(ours) + 3, np.log(theirs)) == pytest.approx(expected)
    assert divergence(theirs, theirs) == 0


def test_certain_answers_stay_finite() -> None:
    sure = np.asarray([[1000.0, 0.0]], np.float32)
    assert divergence(sure, sure) == 0
    assert divergence(-sure, sure) == pytest.approx(1000)
