"""What else dies when some tags die: the relations as flat arrays, and their closure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lissom.graph.tags import PINNED, Array, Tags

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Structure:
    """Blocks and eithers over representatives, flat.

    Args:
        count: how many tags there are (representatives are numbers below it).
        cells: the cells of all blocks one after the other, (cells,).
        row: for each cell the number of its row, (cells,).
        rows: the tag of each row, (rows,).
        block: for each row the number of its block, (rows,).
        soft: for each block whether it only keeps the user's code valid, (blocks,).
        either_cells, either_rows, either_cols: the eithers one after the other, (eithers,).
    """

    count: int
    cells: Array
    row: Array
    rows: Array
    block: Array
    soft: Flags
    either_cells: Array
    either_rows: Array
    either_cols: Array

    def alive_per_row(self, dead: Flags) -> Array:
        """How many cells live in each row, (rows,)."""
        return np.bincount(self.row, weights=~dead[self.cells], minlength=len(self.rows)).astype(np.int64)

    def close(self, dead: Flags) -> Flags:
        """All tags that die with those that are dead, (count,). Tag 0 among them means: not possible."""
        dead = dead.copy()
        before = -1
        while (now := int(dead.sum())) != before and not dead[PINNED]:
            before = now
            if len(self.rows):
                dead[self.cells[dead[self.rows][self.row]]] = True
                dead[self.rows[self.alive_per_row(dead) == 0]] = True
            if len(self.either_cells):
                self._close_eithers(dead)
        return dead

    def _close_eithers(self, dead: Flags) -> None:
        cells, rows, cols = self.either_cells, self.either_rows, self.either_cols
        dead[cells[dead[rows] | dead[cols]]] = True
        for line in (rows, cols):
            alive = np.bincount(line, weights=~dead[cells], minlength=self.count)
            seen = np.zeros(self.count, dtype=bool)
            seen[line] = True
            seen[PINNED] = False
            dead |= seen & (alive == 0)
        dead[cols[dead[cells] & ~dead[rows]]] = True

    def unequal(self, dead: Flags) -> Array:
        """The rows that live and have more living cells than another living row of their block."""
        if not len(self.rows):
            return np.zeros(0, dtype=np.int64)
        alive = self.alive_per_row(dead)
        living = ~dead[self.rows]
        least = np.full(int(self.block.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, self.block[living], alive[living])
        return np.flatnonzero(living & (alive > least[self.block]))

    def least(self, dead: Flags) -> Array:
        """For each row the smallest number of living cells in a living row of its block."""
        alive = self.alive_per_row(dead)
        living = ~dead[self.rows]
        least = np.full(int(self.block.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, self.block[living], alive[living])
        return least[self.block]

    def without(self, blocks: Array) -> "Structure":
        """Without some blocks."""
        keep = np.setdiff1d(np.arange(len(self.soft)), blocks)
        return self.part(keep.tolist(), np.arange(len(self.either_cells)), np.arange(self.count), self.count)

    def part(self, blocks: Sequence[int], eithers: Array, renumber: Array, count: int) -> "Structure":
        """Some of the blocks and eithers, with the tags renumbered."""
        rows = np.flatnonzero(np.isin(self.block, list(blocks)))
        new_row = np.full(len(self.rows), -1)
        new_row[rows] = np.arange(len(rows))
        inside = np.isin(self.row, rows) if len(rows) < len(self.rows) else np.ones(len(self.row), dtype=bool)
        return Structure(
            count,
            renumber[self.cells[inside]],
            new_row[self.row[inside]],
            renumber[self.rows[rows]],
            np.unique(self.block[rows], return_inverse=True)[1],
            self.soft[sorted(blocks)],
            renumber[self.either_cells[eithers]],
            renumber[self.either_rows[eithers]],
            renumber[self.either_cols[eithers]],
        )


def structure(tags: Tags) -> Structure:
    """Flatten the relations of all tags; relations that say the same are kept once."""
    cells, row, rows, block, soft = [], [], [], [], []
    seen: set[tuple[bytes, bytes]] = set()
    count = 0
    for item in tags.blocks:
        r, c = tags.find(item.rows), tags.find(item.cells)
        key = (r.tobytes(), c.tobytes())
        if key in seen or c.shape[1] == 1 and np.array_equal(r, c[:, 0]):
            continue
        seen.add(key)
        cells.append(c.ravel())
        row.append(np.repeat(np.arange(len(r)) + count, c.shape[1]))
        rows.append(r)
        soft.append(item.soft)
        block.append(np.full(len(r), len(rows) - 1))
        count += len(r)
    eithers = [np.stack([tags.find(e.cells), tags.find(e.rows), tags.find(e.cols)]) for e in tags.eithers]
    flat = np.unique(np.concatenate(eithers, axis=1), axis=1) if eithers else np.zeros((3, 0), dtype=np.int64)
    join = lambda parts: np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)  # noqa: E731
    return Structure(
        tags.count, join(cells), join(row), join(rows), join(block), np.array(soft, dtype=bool), *flat
    )
