import numpy as np
import pytest

from lissom.tasks.generating import Rules
from lissom.tasks.translation.split import PairSplit

RULES = Rules(prompt=(0,), end=2, longest=8)


def split():
    sources = [np.array([5, 2]), np.array([5, 6, 7, 2])]
    return PairSplit(sources, [[11], [11, 12]], ["a", "b"], ["x", "y z"], RULES, pad=0)


def test_a_batch_has_sources_what_was_said_and_what_comes_next():
    batch = split().take([1, 0])
    assert [tensor.tolist() for tensor in batch.inputs] == [
        [[5, 6, 7, 2], [5, 2, 0, 0]],
        [[1, 1, 1, 1], [1, 1, 0, 0]],
        [[0, 11, 12], [0, 11, 2]],
    ]
    assert batch.targets.tolist() == [[11, 12, 2], [11, 2, -100]]


def test_even_batches_are_all_of_one_length_and_lengths_are_of_both_sides():
    even = split().even()
    assert [tuple(tensor.shape) for tensor in even.take([0]).inputs] == [(1, 4), (1, 4), (1, 3)]
    assert split().lengths == [3, 6]


def test_other_answers_can_be_learnt_and_are_not_judged_by():
    other = split().with_answers([[13, 14], [15]])
    assert other.take([0]).targets.tolist() == [[13, 14, 2]]
    assert other.texts == ["x", "y z"]
    with pytest.raises(IndexError):
        other.take([2])
