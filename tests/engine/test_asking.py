"""Artefacts that are asked a few examples at a time."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lissom.engine.asking import InGroups


class Doubling:
    """Answers twice an input and its sum with the other, and counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        first, second = inputs
        self.asked.append(len(first))
        return [2 * first, first + second]


@given(st.integers(0, 40), st.integers(1, 12))
def test_groups_change_no_answer(examples: int, count: int) -> None:
    inputs = [np.arange(3.0 * examples).reshape(examples, 3), np.ones((examples, 3))]
    runner = Doubling()
    found, expected = InGroups(runner, count).run(inputs), Doubling().run(inputs)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert max(runner.asked) <= count and sum(runner.asked) == examples
