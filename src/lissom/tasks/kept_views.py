"""Views of examples, made once and kept in memory: making one may take longer than learning from it."""

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

Made = npt.NDArray[Any]


class KeptViews:
    """Views that are kept as long as there is room; those that come later are made each time.

    A copy, such as one in another process, begins empty.

    Args:
        most_bytes: that may be kept.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = self._room = most_bytes
        self._kept: dict[tuple[int, int], Made] = {}

    def __reduce__(self) -> tuple[type["KeptViews"], tuple[int]]:
        return KeptViews, (self._most,)

    def take(self, row: int, view: int, make: Callable[[], Made]) -> Made:
        """A view of an example.

        Args:
            row: of the example.
            view: of it.
            make: makes the same view each time that it is asked.
        """
        found = self._kept.get((row, view))
        if found is None:
            found = make().copy()  # of its own, not a part of what it was cut from
            if found.nbytes <= self._room:
                self._kept[row, view] = found
                self._room -= found.nbytes
        return found
