"""What else dies when some tags die: the relations as flat arrays, and their closure, for many sets at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lissom.graph.tags import PINNED, Array, Tags

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Segments:
    """Places sorted by the tag that they belong to.

    Args:
        tags: the tags, ascending, without the pinned one, (segments,).
        order: places such that those of one tag are neighbours, (places,).
        starts: where each tag's places start in ``order``, (segments,).
    """

    tags: Array
    order: Array
    starts: Array

    @classmethod
    def of(cls, line: Array) -> "Segments":
        """Segments of a line of tags, (places,)."""
        order = np.argsort(line, kind="stable")
        order = order[line[order] != PINNED]
        tags, starts = np.unique(line[order], return_index=True)
        return cls(tags, order, starts)

    def count(self, flags: Flags) -> Array:
        """How many flags are up per tag, (sets, segments), for flags of (sets, places)."""
        return np.add.reduceat(flags[:, self.order], self.starts, axis=1, dtype=np.int64)


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
    def _lines(self) -> tuple[Segments, Segments]:
        return Segments.of(self.either_rows), Segments.of(self.either_cols)

    def alive_per_row(self, dead: Flags) -> Array:
        """How many cells live in each row, (sets, rows)."""
        return np.add.reduceat(~dead[:, self.cells], self.starts, axis=1, dtype=np.int64)

    def close(self, dead: Flags) -> Flags:
        """All tags that die with those that are dead. Tag 0 among them means: not possible."""
        dead = dead.copy()
        before = -1
        while (now := int(np.count_nonzero(dead))) != before and not dead[:, PINNED].all():
            before = now
            if len(self.rows):
                doomed = np.repeat(dead[:, self.rows], self.widths, axis=1)
                _kill(dead, self.cells, doomed)
                _kill(dead, self.rows, self.alive_per_row(dead) == 0)
            if len(self.either_cells):
                self._close_eithers(dead)
        return dead

    def _close_eithers(self, dead: Flags) -> None:
        cells, rows, cols = self.either_cells, self.either_rows, self.either_cols
        _kill(dead, cells, dead[:, rows] | dead[:, cols])
        for line in self._lines:
            _kill(dead, line.tags, line.count(~dead[:, cells]) == 0)
        _kill(dead, cols, dead[:, cells] & ~dead[:, rows])

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


def _kill(dead: Flags, tags: Array, doomed: Flags) -> None:
    """Mark tags as dead where ``doomed``, (sets, tags), says so; a tag may occur several times."""
    sets, places = np.nonzero(doomed)
    dead[sets, tags[places]] = True


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
