"""From tags to units: the smallest sets that can be removed alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lissom.graph.closing import Flags, Structure
from lissom.graph.tags import PINNED, Array, Tags

BATCH = 1 << 23  # flags in memory at once
PATIENCE = 64  # tags in a row that lead nowhere
MANY = 1024  # single tags: if as many of them all lead nowhere, the others are not tried


@dataclass(frozen=True)
class Unit:
    """Tags that die together.

    Args:
        tags: all of them, ascending.
        whole_row: whether it was found from a row (a head, a group of a convolution) and not from cells.
    """

    tags: Array
    whole_row: bool


def block_units(relations: Structure, held: Array) -> tuple[list[Unit], Structure]:
    """The units of all connected parts of the relations: whole rows, and cells with one in each row.

    Soft blocks that leave little to remove are dropped: the relations that hold are returned too.

    Args:
        relations: of all tags.
        held: the tags that occur in the state of the model; only from these is searched one by one.
    """
    units: list[Unit] = []
    dropped: list[int] = []
    for blocks, eithers, members in components(relations):
        local = np.concatenate([[PINNED], members])
        renumber = np.zeros(relations.count, dtype=np.int64)
        renumber[local] = np.arange(len(local))
        part = relations.part(blocks, eithers, renumber, len(local))
        seeds = np.flatnonzero(np.isin(local, held))
        found = _units_of(part, seeds)
        if part.soft.any() and _covered(found) < (len(local) - 1) / 2:
            hard = _units_of(part.without(np.flatnonzero(part.soft)), seeds)
            if _covered(found) < _covered(hard) / 2:
                found = hard
                dropped.extend(blocks[part.soft].tolist())
        units.extend(Unit(local[u.tags], u.whole_row) for u in found)
    return units, relations.without(np.array(dropped, dtype=np.int64)) if dropped else relations


def _covered(units: list[Unit]) -> int:
    return sum(len(u.tags) for u in units if not u.whole_row)


def components(relations: Structure) -> Iterator[tuple[Array, Array, Array]]:
    """Blocks (numbers) and eithers (places) that share tags, and the tags in them (without the pinned one)."""
    links = Tags()
    blocks = len(relations.soft)
    links.new(relations.count + blocks)  # a node of its own for every block, as its cells belong together
    owner = relations.block + relations.count
    for tags, other in (
        (relations.cells, np.repeat(owner, relations.widths)),
        (relations.rows, owner),
        (relations.either_cells, relations.either_rows),
        (relations.either_cells, relations.either_cols),
    ):
        real = (tags != PINNED) & (other != PINNED)
        links.unite(tags[real], other[real])
    block_root = links.find(np.arange(blocks) + relations.count)
    either_root = links.find(relations.either_cells)
    member_root = links.find(relations.members)
    for root in np.unique(np.concatenate([block_root, either_root])):
        yield (
            np.flatnonzero(block_root == root),
            np.flatnonzero(either_root == root),
            relations.members[member_root == root],
        )


def _units_of(part: Structure, seeds: Array) -> list[Unit]:
    """Rows first, then columns of blocks, alone and together, then single tags, then what other tags can be completed
    to a unit."""
    rows = np.unique(part.rows[part.rows != PINNED])
    used = np.zeros(part.count, dtype=bool)
    nothing = np.zeros(0, dtype=np.int64)
    units = [Unit(tags, True) for tags in _accept(part, rows[:, None], used, nothing)]
    used = np.zeros(part.count, dtype=bool)
    used[rows] = True
    for number in range(len(part.soft)):
        units.extend(Unit(tags, False) for tags in _accept(part, _columns(part, number), used, rows))
    if not used[seeds].all():
        for columns in _columns_together(part):
            units.extend(Unit(tags, False) for tags in _accept(part, columns, used, rows))
    single = seeds[~used[seeds] & (seeds != PINNED)]
    if len(single) <= MANY or any(True for _ in _accept(part, _some(single)[:, None], used.copy(), rows)):
        units.extend(Unit(tags, False) for tags in _accept(part, single[:, None], used, rows))
    units.extend(Unit(tags, False) for tags in _completed(part, single, used))
    return units


def _some(seeds: Array) -> Array:
    """As many as are tried before the others are given up."""
    return np.random.default_rng(0).permutation(seeds)[:MANY]


def _completed(part: Structure, seeds: Array, used: Flags) -> Iterator[Array]:
    """What seeds can be completed to, one after the other, in mixed order; gives up when it fails all the time."""
    if not len(part.rows):
        return
    failures = 0
    for seed in np.random.default_rng(0).permutation(seeds[~used[seeds]]):
        if used[seed]:
            continue
        dead = complete(part, int(seed), used)
        if dead is not None and not (dead & used).any():
            used |= dead
            failures = 0
            yield np.flatnonzero(dead)
        elif (failures := failures + 1) == PATIENCE:
            return


def _flags(part: Structure, sets: Array) -> Flags:
    """Flags (sets, tags) from tags (sets, tags per set)."""
    flags = np.zeros((len(sets), part.count), dtype=bool)
    np.put_along_axis(flags, sets, True, axis=1)
    return flags


def _columns(part: Structure, number: int) -> Array:
    """The columns of one block, (columns, rows)."""
    mine = np.flatnonzero(part.block == number)
    first, width = part.starts[mine[0]], part.widths[mine[0]]
    return part.cells[first : first + len(mine) * width].reshape(len(mine), width).T


def _columns_together(part: Structure) -> Iterator[Array]:
    """Columns of all equally wide blocks that share cells with some block, as the heads of queries, keys and values do
    with the projection that makes all three, (columns, rows of all)."""
    owner = np.repeat(part.block, part.widths)
    width = part.widths[part.block_starts]
    seen: set[tuple[int, ...]] = set()
    for number in range(len(part.soft)):
        mine = np.zeros(part.count, dtype=bool)
        mine[part.cells[owner == number]] = True
        mine[PINNED] = False
        near = np.unique(owner[mine[part.cells]])
        for size in np.unique(width[near]):
            together = tuple(near[width[near] == size].tolist())
            if len(together) > 1 and together not in seen:
                seen.add(together)
                yield np.concatenate([_columns(part, n) for n in together], axis=1)


def _accept(part: Structure, seeds: Array, used: Flags, forbidden: Array) -> Iterator[Array]:
    """Those seeds (sets, tags per set) that close to possible, equal sets, disjoint from each other, from ``used``
    and from ``forbidden``."""
    seeds = seeds[~used[seeds].any(axis=1) & (seeds != PINNED).all(axis=1)]
    size = max(1, BATCH // max(part.count, len(part.cells), 1))
    for start in range(0, len(seeds), size):
        dead = part.close(_flags(part, seeds[start : start + size]))
        fine = part.possible(dead) & (part.excess(dead) == 0).all(axis=1) & ~dead[:, forbidden].any(axis=1)
        for flags in dead[fine]:
            if not (flags & used).any():
                used |= flags
                yield np.flatnonzero(flags)


def complete(part: Structure, seed: int, used: Flags) -> Flags | None:
    """The seed, what dies with it, and as many further cells as make the rows equal again; None if impossible."""
    dead = np.zeros((1, part.count), dtype=bool)
    dead[0, seed] = True
    for _ in range(200):
        dead = part.close(dead)
        if not part.possible(dead)[0]:
            return None
        excess = part.excess(dead)[0]
        if not excess.any():
            return dead[0]
        chosen = _choose(part, dead[0], used, excess)
        if chosen is None:
            return None
        dead[0, chosen] = True
    return None


def _choose(part: Structure, dead: Flags, used: Flags, excess: Array) -> Array | None:
    """Cells to remove from the rows that have too many, in the columns where other rows lost theirs if possible."""
    number = int(part.block[np.flatnonzero(excess)[0]])
    mine = np.flatnonzero(part.block == number)
    table = _columns(part, number).T
    lost = dead[table][~dead[part.rows[mine]]].sum(axis=0)
    order = np.argsort(-lost, kind="stable")
    chosen: list[Array] = []
    for row, need in zip(table, excess[mine], strict=True):
        if need:
            cells = row[order]
            free = cells[~dead[cells] & ~used[cells] & (cells != PINNED)]
            if len(free) < need:
                return None
            chosen.append(free[:need])
    return np.concatenate(chosen)
