"""Views that a set draws, kept in memory as long as there is room: drawing one takes longer than learning from it."""

from collections.abc import Callable

from lissom.tasks.video.handling import Frames

ROOM = 2 * 1024**3  # bytes of views of a split


class DrawnViews:
    """Each view is drawn once, whether it is answered or learnt from; those that came when the room was full are drawn
    each time. A copy, such as one in another process, begins empty.

    Args:
        most_bytes: that may be kept.
    """

    def __init__(self, most_bytes: int = ROOM) -> None:
        self._most = self._room = most_bytes
        self._kept: dict[tuple[int, int], Frames] = {}

    def __reduce__(self) -> tuple[type["DrawnViews"], tuple[int]]:
        return DrawnViews, (self._most,)

    def take(self, row: int, view: int, draw: Callable[[], Frames]) -> Frames:
        """A view of an example, ``(frames, height, width, 3)``.

        Args:
            row: of the example.
            view: of it.
            draw: makes the same view each time that it is asked.
        """
        found = self._kept.get((row, view))
        if found is None:
            found = draw().copy()  # of its own, not a part of what it was cut from
            if found.nbytes <= self._room:
                self._kept[row, view] = found
                self._room -= found.nbytes
        return found
