"""Which examples the report plays: those that changed most come first, and classes are not repeated."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from torch import nn

from lissom.engine.measuring import Answers
from lissom.engine.samples import SHOWN, _chosen, _telling
from lissom.tasks.classification import Classification
from lissom.tasks.recognition.measure import Transcripts
from lissom.tasks.text_out import TextOut
from lissom.testing.tiny import drawn_splits
from lissom.workload.codes import as_codes
from lissom.workload.workload import Task, Workload


@pytest.mark.parametrize("changed", [0, 1, 4, 9])
def test_what_differs_comes_first_and_some_agree(changed: int) -> None:
    before = np.arange(40).astype(str)
    before[:] = before[np.arange(40) % 8]
    differ = np.zeros(40, dtype=bool)
    differ[5 : 5 + changed] = True
    rows = _chosen(np.flatnonzero(differ).tolist(), differ, before)
    assert len(rows) == len(set(rows)) == SHOWN
    assert sum(differ[rows]) == min(changed, 4) and differ[rows[: min(changed, 4)]].all()
    agreed = [row for row in rows if not differ[row]]
    assert len({before[row] for row in agreed}) == len(agreed)


def test_fewer_examples_than_there_is_room_for() -> None:
    assert _chosen([1], np.array([False, True]), np.array(["a", "b"])) == [1, 0]
    assert _chosen([1, 0], np.array([True, True]), np.array(["a", "b"])) == [1, 0]


def judged(task: Task) -> Workload:
    return Workload("drawn", nn.Identity(), (), task, drawn_splits(), classes=("a", "b", "c"))


def answered(before: npt.NDArray, after: npt.NDArray, truths: npt.NDArray | None) -> dict[str, Answers]:
    return {"original": Answers(before, truths), "result": Answers(after, truths)}


def outputs(places: Sequence[int], scores: Sequence[float]) -> npt.NDArray[np.float32]:
    found = np.zeros((len(places), 3), np.float32)
    found[np.arange(len(places)), list(places)] = list(scores)
    return found


def test_what_the_surest_right_answers_became_comes_first_then_the_other_way() -> None:
    truths = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    before = outputs([0, 1, 2, 0, 0, 1, 0, 2], [1, 5, 3, 2, 9, 8, 4, 1])
    after = outputs([1, 0, 1, 2, 1, 2, 0, 0], [9, 1, 1, 8, 2, 6, 4, 1])
    # 0 to 3 are lost, 4 and 5 gained, 6 is answered alike, 7 is wrong both times
    rows = np.array([0, 1, 2, 3, 4, 5, 7])
    found = _telling(judged(Classification(3)), answered(before, after, truths), rows)
    assert found == [1, 2, 3, 5, 4, 0, 7]


def test_without_labels_the_surest_answers_that_changed_come_first() -> None:
    before, after = outputs([0, 1, 2], [1, 3, 2]), outputs([1, 2, 0], [9, 1, 1])
    workload = replace(judged(Classification(3)), labelled=False)
    assert _telling(workload, answered(before, after, None), np.arange(3)) == [1, 2, 0]


def test_equal_ones_stay_in_the_order_of_the_split() -> None:
    found = answered(outputs([0] * 5, [2] * 5), outputs([1] * 5, [2] * 5), np.zeros(5, int))
    assert _telling(judged(Classification(3)), found, np.arange(5)) == list(range(5))
    assert _telling(judged(Classification(3)), found, np.arange(0)) == []


def test_texts_are_told_by_what_they_lose_of_the_score() -> None:
    """A text has no sureness: one word of four lost comes after three of four, and a gain after both."""
    truths = as_codes(["one two three four"] * 4)
    before = as_codes(["one two three four", "one two three four", "one", "one two three four"])
    after = as_codes(["one two three", "one", "one two three four", "One two three four"])
    task = TextOut("recognition", lambda tokens: "".join(map(chr, tokens)), Transcripts(), "recordings")
    assert _telling(judged(task), answered(before, after, truths), np.arange(4)) == [1, 0, 2, 3]
