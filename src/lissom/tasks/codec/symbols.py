"""Whole numbers as bits and back: range coding (Martin 1979) by constriction, with tables of whole numbers.

Each number is coded with one of several tables; which one, both sides know beforehand.
"""

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import constriction
import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError

Whole = npt.NDArray[np.int32]
_STREAM: Any = vars(constriction)["stream"]  # it tells no types
TOTAL = 1 << 16  # what the counts of a table add up to
MOST = 255  # the largest number, either way
MOTION = 126  # the largest difference of two vectors, either way
SCALES = 65
LOWEST, STEPS = -4, 8  # the logarithm of the first scale, and steps until it is one more
_ENDS = 12  # scales at which a table ends


def scale_of(index: int) -> float:
    """The scale of the logistic distribution that table ``index`` is made from."""
    return math.exp(LOWEST + index / STEPS) + 0.05


def make_table(scale: float, most: int) -> Whole:
    """Counts of the numbers from ``-most`` to ``most`` under a logistic distribution around 0, at least 1 each.

    What lies beyond falls to the ends. They are made once and kept with a model, so that no machine's mathematics
    matters to a stream.
    """
    edges = [-math.inf, *(number + 0.5 for number in range(-most, most)), math.inf]
    below = [1 / (1 + math.exp(-max(-60.0, min(60.0, edge / scale)))) for edge in edges]
    below[0], below[-1] = 0.0, 1.0
    room = TOTAL - (2 * most + 1)
    counts = [1 + int(room * (after - before)) for before, after in pairwise(below)]
    counts[most] += TOTAL - sum(counts)
    return np.asarray(counts, dtype=np.int32)


def make_tables() -> list[Whole]:
    """The tables of all scales for latents, then those for vectors, of every fourth scale."""
    latents = [make_table(scale_of(i), min(MOST, max(8, math.ceil(_ENDS * scale_of(i))))) for i in range(SCALES)]
    return latents + [make_table(scale_of(i), MOTION) for i in range(0, SCALES, 4)]


class Tables:
    """Tables that numbers are coded with.

    Args:
        counts: of each table, for the numbers from ``-n`` to ``n``, ``(2 n + 1,)``.

    Raises:
        LissomError: one is not a table.
    """

    def __init__(self, counts: list[Whole]) -> None:
        for table in counts:
            if table.ndim != 1 or len(table) % 2 == 0 or table.min() < 1 or int(table.sum()) != TOTAL:
                raise LissomError("the tables of the entropy model are damaged")
        self.counts = counts
        self.most: Whole = np.asarray([len(table) // 2 for table in counts], dtype=np.int32)

    @cached_property
    def models(self) -> list[Any]:
        """As constriction takes them. Counts of 65,536 are exact in floating point."""
        shares = (table.astype(np.float64) / TOTAL for table in self.counts)
        return [_STREAM.model.Categorical(share, perfect=False) for share in shares]

    def bits(self, symbols: Whole, index: int) -> float:
        """What numbers take with one table."""
        counts = self.counts[index][symbols + self.most[index]]
        return float(-np.log2(counts / TOTAL).sum())


class Writer:
    """Numbers to bytes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._encoder = _STREAM.queue.RangeEncoder()

    def write(self, symbols: Whole, indices: Whole) -> None:
        """Add numbers ``(n,)``, each within its table ``(n,)``."""
        for index, places in _grouped(indices):
            shifted = symbols[places].astype(np.int32) + self._tables.most[index]
            self._encoder.encode(np.ascontiguousarray(shifted), self._tables.models[index])

    def bytes(self) -> bytes:
        """All that was written."""
        return self._encoder.get_compressed().astype("<u4").tobytes()


class Reader:
    """Bytes to numbers, in the order in which they were written.

    Raises:
        LissomError: they cannot be what a :class:`Writer` wrote.
    """

    def __init__(self, tables: Tables, content: bytes) -> None:
        if len(content) % 4:
            raise LissomError("the coded numbers are cut off")
        self._tables = tables
        self._decoder = _STREAM.queue.RangeDecoder(np.frombuffer(content, "<u4").astype(np.uint32))

    def read(self, indices: Whole) -> Whole:
        """The next numbers, one for each table ``(n,)``."""
        symbols = np.empty(len(indices), np.int32)
        for index, places in _grouped(indices):
            try:
                found = self._decoder.decode(self._tables.models[index], len(places))
            except AssertionError as error:
                raise LissomError("the coded numbers are damaged") from error
            symbols[places] = found - self._tables.most[index]
        return symbols


def _grouped(indices: Whole) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Each table that is used and the places where it is, in order."""
    order = np.argsort(indices, kind="stable")
    used, starts = np.unique(indices[order], return_index=True)
    yield from zip(used.tolist(), np.split(order, starts[1:]), strict=True) if len(indices) else ()
