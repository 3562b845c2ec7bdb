import numpy as np
import pytest
import torch

from lissom.tasks.generating import Rules
from lissom.tasks.translation.split import PairSplit
from lissom.workload.workload import calibration_batches

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


def test_a_sample_is_filled_up_to_its_own_longest_and_lengths_are_of_both_sides():
    longest = PairSplit([np.array([5] * 30)], [[11] * 5], ["c"], ["z"], RULES, pad=0)
    rows = [split()] * 4
    many = PairSplit(
        [*longest.sources, *(source for part in rows for source in part.sources)],
        [*longest.answers, *(answer for part in rows for answer in part.answers)],
        ["a"] * 9,
        ["x"] * 9,
        RULES,
        pad=0,
    )
    seed = next(seed for seed in range(99) if 0 not in drawn(many, seed))
    batches = calibration_batches(many, examples=5, batch=2, seed=seed)
    assert {tuple(part.shape[1] for part in batch.inputs) for batch in batches} == {(4, 4, 3)}
    assert [len(batch.indices) for batch in batches] == [2, 2, 1]
    for batch in batches:
        alone = many.take(batch.indices.tolist())
        assert torch.equal(batch.inputs[0][:, : alone.inputs[0].shape[1]], alone.inputs[0])
        assert batch.targets is not None and torch.equal(batch.targets[:, : alone.targets.shape[1]], alone.targets)
    assert split().lengths == [3, 6]


def drawn(many, seed):
    return [
        row for batch in calibration_batches(many, examples=5, batch=2, seed=seed) for row in batch.indices.tolist()
    ]


def test_other_answers_can_be_learnt_and_are_not_judged_by():
    other = split().with_answers([[13, 14], [15]])
    assert other.take([0]).targets.tolist() == [[13, 14, 2]]
    assert other.texts == ["x", "y z"]
    with pytest.raises(IndexError):
        other.take([2])
