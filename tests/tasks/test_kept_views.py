"""Views are made once while there is room, and are the same where there is none."""

import copy
import pickle

import numpy as np

from lissom.tasks.kept_views import KeptViews, Made


class Counted:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Made:
        self.times += 1
        return np.full((2, 4, 4, 3), 7, dtype=np.uint8)[:, 1:3, 1:3]


def test_a_view_is_made_once_while_there_is_room() -> None:
    views, draw = KeptViews(2 * 24), Counted()
    for row, view, times in ((0, 0, 1), (0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 0, 4), (0, 1, 4)):
        found = views.take(row, view, draw)
        assert found.shape == (2, 2, 2, 3) and (found == 7).all() and found.base is None
        assert draw.times == times


def test_copies_begin_empty_with_as_much_room() -> None:
    views, draw = KeptViews(24), Counted()
    views.take(0, 0, draw)
    for other in (copy.deepcopy(views), pickle.loads(pickle.dumps(views))):
        before = draw.times
        other.take(0, 0, draw)
        other.take(0, 0, draw)
        assert draw.times == before + 1
