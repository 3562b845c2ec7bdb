"""What else dies when some tags die: the relations as flat arrays, and their closure, for many sets at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lissom.graph.tags import PINNED, Array, Tags

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Places:
    """Where each tag occurs on a line of tags.

    Args:
        order: the places, those of one tag together, (places,).
        starts: where those of each tag start in ``order``, and the end, (tags + 1,).
    """

    order: Array
    starts: Array

    @classmethod
    def of(cls, line: Array, count: int) -> "Places":
        """The places on a line, (places,), of tags below ``count``."""
        order = np.argsort(line, kind="stable")
        return cls(order, np.searchsorted(line[order], np.arange(count + 1)))

    def where(self, dead: Flags) -> tuple[Array, Array]:
        """Set and place of every occurrence of a dead tag, for flags of (sets, tags)."""
        sets, tags = np.nonzero(dead)
        several, spread = ranges(self.starts[tags], self.starts[tags + 1] - self.starts[tags])
        return sets[several], self.order[spread]


def ranges(starts: Array, sizes: Array) -> tuple[Array, Array]:
    """Ranges of numbers, one after the other: for each number which range it is of, and the number."""
    which = np.repeat(np.arange(len(starts)), sizes)
    return which, np.arange(len(which)) + (starts - (np.cumsum(sizes) - sizes))[which]


@dataclass(frozen=True)
class Structure:
    """Blocks and eithers over representatives, flat.

    Sets of dead tags are flags of shape (sets, count).

    Args:
        count: how many tags there are (representatives are numbers below it).
        cells: the cells of all blocks, row after row, (cells,).
        starts: where each row starts in ``cells``, (rows,).
        rows: the tag of each row, (rows,).
        block: for each row the number of its block, ascending, (rows,).
        soft: for each block whether it only keeps the user's code valid, (blocks,).
        either_cells, either_rows, either_cols: the eithers one after the other, (eithers,).
    """

    count: int
    cells: Array
    starts: Array
    rows: Array
    block: Array
    soft: Flags
    either_cells: Array
    either_rows: Array
    either_cols: Array

    @cached_property
    def widths(self) -> Array:
        """Cells per row, (rows,)."""
        return np.diff(self.starts, append=len(self.cells))

    @cached_property
    def block_starts(self) -> Array:
        """The first row of each block, (blocks,)."""
        return np.searchsorted(self.block, np.arange(len(self.soft)))

    @cached_property
    def members(self) -> Array:
        """Every tag in any relation, ascending, without the pinned one."""
        parts = [self.cells, self.rows, self.either_cells, self.either_rows, self.either_cols]
        tags = np.unique(np.concatenate(parts))
        return tags[tags != PINNED]

    @cached_property
    def _row_of(self) -> Array:
        """The number of the row of each cell, (cells,)."""
        return np.repeat(np.arange(len(self.rows)), self.widths)

    @cached_property
    def _places(self) -> tuple[Places, Places]:
        """Where tags are cells and where they are rows."""
        return Places.of(self.cells, self.count), Places.of(self.rows, self.count)

    @cached_property
    def _either_places(self) -> tuple[Places, Places, Places]:
        """Where tags are cells, rows and columns of eithers."""
        lines = (self.either_cells, self.either_rows, self.either_cols)
        cells, rows, cols = (Places.of(line, self.count) for line in lines)
        return cells, rows, cols

    def alive_per_row(self, dead: Flags) -> Array:
        """How many cells live in each row, (sets, rows)."""
        sets, places = self._places[0].where(dead)
        lost = np.bincount(sets * len(self.rows) + self._row_of[places], minlength=len(dead) * len(self.rows))
        return self.widths - lost.reshape(len(dead), len(self.rows))

    def close(self, dead: Flags) -> Flags:
        """All tags that die with those that are dead. Tag 0 among them means: not possible; such a set may be left
        unfinished."""
        dead = dead.copy()
        growing = np.arange(len(dead))
        while len(growing):
            now = dead[growing]
            before = np.count_nonzero(now, axis=1)
            if len(self.rows):
                self._close_blocks(now)
            if len(self.either_cells):
                self._close_eithers(now)
            dead[growing] = now
            growing = growing[(np.count_nonzero(now, axis=1) > before) & ~now[:, PINNED]]
        return dead

    def _close_blocks(self, dead: Flags) -> None:
        """With a row die its cells, and with its last cell a row."""
        sets, rows = self._places[1].where(dead)
        several, cells = ranges(self.starts[rows], self.widths[rows])
        dead[sets[several], self.cells[cells]] = True
        sets, rows = np.nonzero(self.alive_per_row(dead) == 0)
        dead[sets, self.rows[rows]] = True

    def _close_eithers(self, dead: Flags) -> None:
        """A cell dies with its row or column, these with their last cell, and a column whose cell dies otherwise."""
        cells, rows, cols = self.either_cells, self.either_rows, self.either_cols
        at_cells, at_rows, at_cols = self._either_places
        for at in (at_rows, at_cols):
            sets, places = at.where(dead)
            dead[sets, cells[places]] = True
        sets, places = at_cells.where(dead)
        for line, at in ((rows, at_rows), (cols, at_cols)):
            hit, lost = np.unique(sets * self.count + line[places], return_counts=True)
            tags = hit % self.count
            gone = (lost == at.starts[tags + 1] - at.starts[tags]) & (tags != PINNED)
            dead[hit[gone] // self.count, tags[gone]] = True
        sets, places = at_cells.where(dead)
        dying = ~dead[sets, rows[places]]
        dead[sets[dying], cols[places][dying]] = True

    def excess(self, dead: Flags) -> Array:
        """How many cells each living row has more than the poorest living row of its block, (sets, rows)."""
        if not len(self.rows):
            return np.zeros((len(dead), 0), dtype=np.int64)
        alive, living = self.alive_per_row(dead), ~dead[:, self.rows]
        lowest = np.minimum.reduceat(np.where(living, alive, np.iinfo(np.int64).max), self.block_starts, axis=1)
        return np.where(living, alive - lowest[:, self.block], 0)

    def possible(self, dead: Flags) -> Flags:
        """For each closed set: nothing pinned is dead, and every block keeps a row with cells, (sets,)."""
        fine = ~dead[:, PINNED]
        if len(self.rows):
            living = ~dead[:, self.rows] & (self.alive_per_row(dead) > 0)
            fine &= np.logical_or.reduceat(living, self.block_starts, axis=1).all(axis=1)
        return fine

    def without(self, blocks: Array) -> "Structure":
        """Without some blocks."""
        keep = np.setdiff1d(np.arange(len(self.soft)), blocks)
        return self.part(keep, np.arange(len(self.either_cells)), np.arange(self.count), self.count)

    def part(self, blocks: Sequence[int] | Array, eithers: Array, renumber: Array, count: int) -> "Structure":
        """Some of the blocks and eithers, with the tags renumbered."""
        chosen = np.zeros(len(self.soft), dtype=bool)
        chosen[blocks] = True
        rows = chosen[self.block] if len(self.block) else np.zeros(0, dtype=bool)
        cells = np.repeat(rows, self.widths)
        widths = self.widths[rows]
        return Structure(
            count,
            renumber[self.cells[cells]],
            np.cumsum(widths) - widths,
            renumber[self.rows[rows]],
            (np.cumsum(chosen) - 1)[self.block[rows]],
            self.soft[chosen],
            renumber[self.either_cells[eithers]],
            renumber[self.either_rows[eithers]],
            renumber[self.either_cols[eithers]],
        )


def structure(tags: Tags) -> Structure:
    """Flatten the relations of all tags; relations that say the same are kept once."""
    tags.settle()
    cells: list[Array] = []
    rows: list[Array] = []
    soft: list[bool] = []
    seen: set[tuple[bytes, bytes]] = set()
    for item in tags.blocks:
        r, c = tags.find(item.rows), tags.find(item.cells)
        key = (r.tobytes(), c.tobytes())
        if key not in seen and not (c.shape[1] == 1 and np.array_equal(r, c[:, 0])):
            seen.add(key)
            cells.append(c)
            rows.append(r)
            soft.append(item.soft)
    widths = _join([np.full(len(c), c.shape[1]) for c in cells])
    return Structure(
        tags.count,
        _join([c.ravel() for c in cells]),
        np.cumsum(widths) - widths,
        _join(rows),
        _join([np.full(len(r), number) for number, r in enumerate(rows)]),
        np.array(soft, dtype=bool),
        *_eithers(tags),
    )


def _eithers(tags: Tags) -> tuple[Array, Array, Array]:
    if not tags.eithers:
        return _join([]), _join([]), _join([])
    parts = [np.stack([tags.find(e.cells), tags.find(e.rows), tags.find(e.cols)]) for e in tags.eithers]
    cells, rows, cols = np.unique(np.concatenate(parts, axis=1), axis=1)
    return cells, rows, cols


def _join(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if len(parts) else np.zeros(0, dtype=np.int64)
