"""Which examples the report plays: what was answered otherwise comes first, and classes are not repeated."""

import numpy as np
import pytest

from lissom.engine.samples import SHOWN, _chosen


@pytest.mark.parametrize("changed", [0, 1, 4, 9])
def test_what_differs_comes_first_and_some_agree(changed: int) -> None:
    before = np.arange(40) % 8
    differ = np.zeros(40, dtype=bool)
    differ[5 : 5 + changed] = True
    rows = list(_chosen(differ, before))
    assert len(rows) == len(set(rows)) == SHOWN
    assert sum(differ[rows]) == min(changed, 4) and differ[rows[: min(changed, 4)]].all()
    agreed = [row for row in rows if not differ[row]]
    assert len({before[row] for row in agreed}) == len(agreed)


def test_fewer_examples_than_there_is_room_for() -> None:
    assert list(_chosen(np.array([False, True]), np.array([0, 1]))) == [1, 0]
    assert list(_chosen(np.array([True, True]), np.array([0, 1]))) == [0, 1]
