"""Tags and the three relations between them: same, block, either.

A tag is the identity of one index along one dimension of one tensor. Tag 0 is *pinned*: it is never removed.
All operations work on whole arrays.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.int64]
PINNED = 0


@dataclass(frozen=True)
class Block:
    """Rows of cells. A dead row has only dead cells, a row of dead cells is dead, and the rows that live keep
    the same number of cells.

    Args:
        rows: tags, (rows,).
        cells: tags, (rows, cells per row).
        soft: whether only the words of the user's code ask for equal rows (``x.chunk(2)``), and not the tensors.
    """

    rows: Array
    cells: Array
    soft: bool = False


@dataclass(frozen=True)
class Either:
    """Element by element: a cell is dead exactly when its row or its column is. Three arrays of one shape (n,)."""

    cells: Array
    rows: Array
    cols: Array


@dataclass
class Tags:
    """All tags of one model, with a union-find for those that are the same. ``cause`` is what is looked at meanwhile;
    tags that get pinned remember it."""

    blocks: list[Block] = field(default_factory=list)
    eithers: list[Either] = field(default_factory=list)
    floors: list[Array] = field(default_factory=list)
    labels: list[tuple[Array, str]] = field(default_factory=list)
    count: int = 1
    cause: object = None
    _merged: list[tuple[Array, Array]] = field(default_factory=list)
    _pins: list[tuple[Array, object]] = field(default_factory=list)
    _parent: Array = field(default_factory=lambda: np.zeros(1024, dtype=np.int64))
    _rows_of: dict[tuple[bytes, tuple[int, ...], int], Array] = field(default_factory=dict)
    _cells_of: dict[tuple[bytes, bytes], Array] = field(default_factory=dict)

    def new(self, *shape: int) -> Array:
        """Tags that have not been seen before, in an array of ``shape``."""
        size = int(np.prod(shape))
        needed = self.count + size
        if needed > len(self._parent):
            grown = np.zeros(max(needed, 2 * len(self._parent)), dtype=np.int64)
            grown[: self.count] = self._parent[: self.count]
            self._parent = grown
        fresh = np.arange(self.count, needed, dtype=np.int64)
        self._parent[self.count : needed] = fresh
        self.count = needed
        return fresh.reshape(shape)

    def find(self, tags: Array) -> Array:
        """The representative of each tag; two tags are the same when their representatives are equal."""
        parent = self._parent
        root = parent[tags]
        while True:
            above = parent[root]
            if np.array_equal(above, root):
                break
            parent[tags] = above
            root = parent[above]
        return root

    def unite(self, first: Array, second: Array) -> None:
        """Make the tags of two arrays (broadcast together) the same, element by element."""
        first, second = (a.ravel() for a in np.broadcast_arrays(first, second))
        while True:
            one, two = self.find(first), self.find(second)
            differ = one != two
            if not differ.any():
                return
            one, two, first, second = one[differ], two[differ], first[differ], second[differ]
            self._remember(np.minimum(one, two), np.maximum(one, two))
            np.minimum.at(self._parent, np.maximum(one, two), np.minimum(one, two))

    def _remember(self, lower: Array, upper: Array) -> None:
        """Keep which representatives were united, and what pinned some of them."""
        pinned = lower == PINNED
        if pinned.any():
            self._pins.append((upper[pinned], self.cause))
        if not pinned.all():
            self._merged.append((lower[~pinned], upper[~pinned]))

    def causes(self, tags: Array) -> list[object]:
        """What was the first to pin each of some tags; None where nothing did, or it is not known what."""
        free = Tags()
        free.new(self.count)
        for lower, upper in self._merged:
            free.unite(lower, upper)
        first: dict[int, object] = {}
        for roots, cause in self._pins:
            for root in np.unique(free.find(roots)).tolist():
                first.setdefault(root, cause)
        return [first.get(root) for root in free.find(tags).tolist()]

    def pin(self, tags: Array) -> None:
        """Never remove these."""
        self.unite(tags, np.zeros_like(tags))

    def block(self, rows: Array, cells: Array, *, soft: bool = False) -> None:
        """Record rows of cells. ``cells`` has the shape of ``rows`` and one more dimension."""
        self.blocks.append(Block(rows.ravel(), cells.reshape(rows.size, -1), soft))

    def either(self, cells: Array, rows: Array, cols: Array) -> None:
        """Record that a cell is dead exactly when its row or its column is (arrays are broadcast together)."""
        cells, rows, cols = (a.ravel() for a in np.broadcast_arrays(cells, rows, cols))
        pinned_row, pinned_col = self.find(rows) == PINNED, self.find(cols) == PINNED
        self.unite(cells[pinned_row], cols[pinned_row])
        self.unite(cells[pinned_col], rows[pinned_col])
        rows_root, cols_root = self.find(rows), self.find(cols)
        same = rows_root == cols_root
        self.unite(cells[same], rows[same])
        if not (pinned_row | pinned_col | same).all():
            self.eithers.append(Either(cells, rows, cols))
        self._cells_of.setdefault((rows_root.tobytes(), cols_root.tobytes()), cells)

    def cells_of(self, rows: Array, cols: Array) -> Array:
        """Tags of the elements that are dead when their row or their column is, in the broadcast shape."""
        rows, cols = np.broadcast_arrays(rows, cols)
        key = (self.find(rows).tobytes(), self.find(cols).tobytes())
        if key not in self._cells_of:
            self.either(self.new(*rows.shape), rows, cols)
        return self._cells_of[key].reshape(rows.shape)

    def rows_of(self, cells: Array, depth: int) -> Array:
        """Tags of the rows that the first ``depth`` dimensions of ``cells`` form, in the shape of those."""
        key = (self.find(cells).tobytes(), cells.shape, depth)
        if key not in self._rows_of:
            self._rows_of[key] = self.new(*cells.shape[:depth])
        return self._rows_of[key]

    def floor(self, tags: Array) -> None:
        """Of these, at least one has to stay (a slice that something is computed from). An empty slice stays empty."""
        if tags.size == 1:
            self.pin(tags)
        elif tags.size:
            self.floors.append(tags.ravel())

    def settle(self) -> None:
        """Take out relations that say no more than that tags are the same, now that all is known; unite those.

        An either of which the row or the column is pinned ties its cell to the other one, one of which the cell is
        pinned pins both, and columns with the same cells are one column. A row of one and the same cell is that
        cell. Tags of which one has to stay are pinned when they are all the same.
        """
        while self._settle_eithers() | self._settle_blocks() | self._settle_floors():
            pass

    def _settle_eithers(self) -> bool:
        if not self.eithers:
            return False
        before = sum(e.cells.size for e in self.eithers)
        cells, rows, cols = (np.concatenate([getattr(e, k) for e in self.eithers]) for k in ("cells", "rows", "cols"))
        for tags in (rows, cols):
            self.pin(tags[self.find(cells) == PINNED])
        self._unite_alike(cells, rows, cols)
        self._unite_alike(cells, cols, rows)
        for one, other in ((rows, cols), (cols, rows)):
            pinned = self.find(one) == PINNED
            self.unite(cells[pinned], other[pinned])
        self.unite(cells[self.find(rows) == self.find(cols)], rows[self.find(rows) == self.find(cols)])
        rows, cols = self.find(rows), self.find(cols)
        left = (rows != PINNED) & (cols != PINNED) & (rows != cols)
        cells, pairs = cells[left], np.stack([rows[left], cols[left]])
        pairs, first, which = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
        self.unite(cells, cells[first][which])
        self.eithers = [Either(cells[first], *pairs)] if len(first) else []
        return len(first) < before

    def _unite_alike(self, cells: Array, rows: Array, cols: Array) -> None:
        """Unite columns that have the same cells in the same rows, known by a sum of random numbers."""
        cells, rows, cols = self.find(cells), self.find(rows), self.find(cols)
        draw = np.random.default_rng(0).integers(1, 2**62, size=(2, self.count), dtype=np.int64)
        kinds, which = np.unique(cols, return_inverse=True)
        prints = np.zeros(len(kinds), dtype=np.int64)
        np.add.at(prints, which, draw[0, cells] * draw[1, rows])
        _, first, alike = np.unique(prints, return_index=True, return_inverse=True)
        self.unite(kinds, kinds[first][alike])

    def _settle_blocks(self) -> bool:
        left: list[Block] = []
        for item in self.blocks:
            rows, cells = self.find(item.rows), self.find(item.cells)
            alike = (cells == cells[:, :1]).all(axis=1)
            self.unite(rows[alike], cells[alike, 0])
            if alike.all():
                self.floor(rows)
            else:
                left.append(item)
        settled = len(left) < len(self.blocks)
        self.blocks = left
        return settled

    def _settle_floors(self) -> bool:
        left: list[Array] = []
        for item in self.floors:
            roots = self.find(item)
            if (roots == roots[0]).all():
                self.pin(item)
            elif (roots != PINNED).all():
                left.append(item)
        settled = len(left) < len(self.floors)
        self.floors = left
        return settled

    def label(self, tags: Array, word: str) -> None:
        """Say in a word what these tags stand for, e.g. ``"heads"``; only messages and names use it."""
        self.labels.append((tags.ravel(), word))
