"""From tags to units: the smallest sets that can be removed alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lissom.graph.closing import Flags, Structure
from lissom.graph.tags import PINNED, Array, Tags


@dataclass(frozen=True)
class Unit:
    """Tags that die together.

    Args:
        seed: the tag that the unit was found from.
        tags: all of them, ascending.
        whole_row: whether the seed is a row (a head, a group of a convolution) and not a cell.
    """

    seed: int
    tags: Array
    whole_row: bool


def components(relations: Structure) -> Iterator[tuple[list[int], Array, Array]]:
    """Blocks (numbers) and eithers (places) that share tags, and the tags in them (without the pinned one)."""
    links = Tags()
    links.new(relations.count)
    offset = relations.count  # a node of its own for every block, as its cells belong together
    blocks = int(relations.block.max()) + 1 if len(relations.block) else 0
    links.new(blocks + 1)
    for tags, owner in (
        (relations.cells, relations.block[relations.row] + offset),
        (relations.rows, relations.block + offset),
        (relations.either_cells, relations.either_rows),
        (relations.either_cells, relations.either_cols),
    ):
        real = (tags != PINNED) & (owner != PINNED)
        links.unite(tags[real], owner[real])
    block_root = links.find(np.arange(blocks) + offset)
    either_root = links.find(relations.either_cells)
    used = np.unique(np.concatenate([relations.cells, relations.rows, relations.either_cells,
                                     relations.either_rows, relations.either_cols]))  # fmt: skip
    used = used[used != PINNED]
    used_root = links.find(used)
    for root in np.unique(np.concatenate([block_root, either_root])):
        yield (
            list(np.flatnonzero(block_root == root)),
            np.flatnonzero(either_root == root),
            used[used_root == root],
        )


def block_units(relations: Structure) -> tuple[list[Unit], Structure]:
    """The units of all connected parts of the relations: whole rows, and cells with one in each row.

    Soft blocks that leave little to remove are dropped: the relations that hold are returned too.
    """
    units: list[Unit] = []
    dropped: list[int] = []
    for blocks, eithers, members in components(relations):
        local = np.concatenate([[PINNED], members])
        renumber = np.zeros(relations.count, dtype=np.int64)
        renumber[local] = np.arange(len(local))
        part = relations.part(blocks, eithers, renumber, len(local))
        found = list(_units_of(part))
        if part.soft.any() and _covered(found) < (len(local) - 1) / 2:
            hard = list(_units_of(part.without(np.flatnonzero(part.soft))))
            if _covered(found) < _covered(hard) / 2:
                found = hard
                dropped.extend(np.array(sorted(blocks))[part.soft].tolist())
        units.extend(Unit(int(local[u.seed]), local[u.tags], u.whole_row) for u in found)
    return units, relations.without(np.array(dropped, dtype=np.int64)) if dropped else relations


def _covered(units: list[Unit]) -> int:
    return sum(len(u.tags) for u in units if not u.whole_row)


def _units_of(part: Structure) -> Iterator[Unit]:
    rows = np.unique(part.rows)
    yield from _search(part, rows[rows != PINNED], whole_row=True)
    cells = np.arange(1, part.count)
    yield from _search(part, cells[~np.isin(cells, rows)], whole_row=False)


def _search(part: Structure, seeds: Array, *, whole_row: bool) -> Iterator[Unit]:
    """Disjoint units from the seeds, in order."""
    used = np.zeros(part.count, dtype=bool)
    row_tags = np.unique(part.rows[part.rows != PINNED])
    for seed in seeds:
        if used[seed]:
            continue
        dead = complete(part, int(seed), used)
        if dead is None or (dead & used).any() or (not whole_row and dead[row_tags].any()):
            continue
        used |= dead
        yield Unit(int(seed), np.flatnonzero(dead), whole_row)


def complete(part: Structure, seed: int, used: Flags) -> Flags | None:
    """The seed, what dies with it, and as many further cells as make the rows equal again; None if impossible."""
    dead = np.zeros(part.count, dtype=bool)
    dead[seed] = True
    for _ in range(1000):
        dead = part.close(dead)
        if dead[PINNED]:
            return None
        more = part.unequal(dead)
        if not len(more):
            return dead if _something_left(part, dead) else None
        chosen = _choose(part, dead, used, more)
        if chosen is None:
            return None
        dead[chosen] = True
    return None


def _something_left(part: Structure, dead: Flags) -> bool:
    """Whether every block still has a living row with living cells."""
    if not len(part.rows):
        return True
    living = ~dead[part.rows] & (part.alive_per_row(dead) > 0)
    return bool(np.bincount(part.block, weights=living).min() > 0)


def _choose(part: Structure, dead: Flags, used: Flags, more: Array) -> Array | None:
    """Cells to remove from the rows that have too many, in the columns where other rows lost theirs if possible."""
    row = int(more[0])
    block = part.block[row]
    rows = np.flatnonzero(part.block == block)
    width = int((part.row == row).sum())
    table = part.cells[np.isin(part.row, rows)].reshape(len(rows), width)
    lost = dead[table][~dead[part.rows[rows]]].sum(axis=0)
    least = part.least(dead)[row]
    chosen: list[int] = []
    for r in more[part.block[more] == block]:
        cells = table[r - rows[0]]
        free = ~dead[cells] & ~used[cells] & (cells != PINNED)
        order = np.lexsort((np.arange(width), -lost))
        candidates = cells[order][free[order]]
        need = int((~dead[cells]).sum() - least)
        if len(candidates) < need:
            return None
        chosen.extend(candidates[:need])
    return np.array(chosen)
