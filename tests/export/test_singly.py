"""A batch for a model that takes one example alone: every example once, in order, for all inputs and outputs."""

from collections.abc import Sequence

import numpy as np

from lissom.export.runners.singly import one_at_a_time


def test_every_example_is_answered_in_its_place() -> None:
    seen: list[int] = []

    def run(inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        assert [array.shape for array in inputs] == [(1, 2), (1,)]
        seen.append(int(inputs[1][0]))
        return [inputs[0] * inputs[1], inputs[0].sum(), inputs[1]]

    pairs, numbers = np.arange(6.0).reshape(3, 2), np.asarray([1, 2, 3])
    products, sums, same = one_at_a_time(run, [pairs, numbers])
    assert seen == [1, 2, 3]
    assert np.array_equal(products, pairs * numbers[:, None])
    assert np.array_equal(sums, pairs.sum(1)), "a number without a dimension becomes one of a batch"
    assert np.array_equal(same, numbers)
