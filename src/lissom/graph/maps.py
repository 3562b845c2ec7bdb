"""The tags that a tensor carries, and what can be done with them.

A tensor carries at most one *map* per dimension: which of its indices live, given the place along some outer
dimensions (its *context*). Channels need no context; the cells of an attention head are a dimension (head size)
in the context of another (heads). After removal, every dimension is compacted within its context.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lissom.graph.tags import PINNED, Array, Tags


@dataclass(frozen=True)
class Map:
    """Tags along one dimension.

    Args:
        context: the outer dimensions that the tags depend on, ascending.
        tags: shape: the sizes of the context dimensions, then that of the dimension itself.
    """

    context: tuple[int, ...]
    tags: Array


@dataclass(frozen=True)
class Maps:
    """The tags of one tensor of ``shape``; a dimension that is not in ``at`` is pinned."""

    shape: tuple[int, ...]
    at: Mapping[int, Map] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        return len(self.shape)

    def dim(self, dim: int) -> int:
        """A dimension counted from the front."""
        return dim % self.rank if self.rank else 0

    def tagged(self, tags: Tags) -> "Maps":
        """Without the maps in which every tag is pinned."""
        live = {dim: m for dim, m in self.at.items() if (tags.find(m.tags) != PINNED).any()}
        return self if len(live) == len(self.at) else Maps(self.shape, live)


def fresh(tags: Tags, shape: Sequence[int]) -> Maps:
    """A tag of its own for every index along every dimension that is longer than one."""
    return Maps(tuple(shape), {d: Map((), tags.new(n)) for d, n in enumerate(shape) if n > 1})


def view_at(maps: Maps, dim: int, rank: int) -> Maps:
    """A vector as a tensor of ``rank`` dimensions that is long only along ``dim``."""
    return rename(maps, [0 if d == dim else None for d in range(rank)])


def spread(m: Map, dim: int, onto: Sequence[int]) -> Array:
    """The tags of ``m`` (which belongs to ``dim``) as an array over ``onto``, with size 1 where it does not vary."""
    dims = (*m.context, dim)
    order = sorted(range(len(dims)), key=lambda i: onto.index(dims[i]))
    sizes = dict(zip(dims, m.tags.shape, strict=True))
    return m.tags.transpose(order).reshape([sizes.get(d, 1) for d in onto])


def joint(tags: Tags, maps: Maps, dims: Iterable[int], outer: Sequence[int] = ()) -> Array:
    """Tags over ``outer`` and ``dims`` together: an element is dead when any of ``dims`` is dead there.

    A map with more context than that is first aligned to it. Result in the shape of (*outer, *dims).
    """
    dims = list(dims)
    onto = [*outer, *dims]
    result, seen = np.zeros([1] * len(onto), dtype=np.int64), set[int]()
    for dim in sorted(dims, key=lambda d: len(maps.at[d].context) if d in maps.at else 0):
        if dim not in maps.at:
            continue
        for extra in set(maps.at[dim].context) - set(onto):
            maps = detach(tags, maps, extra)
        m = maps.at[dim]
        here = spread(m, dim, onto)
        result = here if seen <= set(m.context) else tags.cells_of(result, here)
        seen.add(dim)
    return np.broadcast_to(result, [maps.shape[d] for d in onto])


def rows(tags: Tags, maps: Maps, m: Map) -> Array:
    """The tags of the rows that ``m`` lies in: shape of its context, and a last dimension of one."""
    return joint(tags, maps, m.context)[..., None]


def detach(tags: Tags, maps: Maps, dim: int) -> Maps:
    """Give every map that has ``dim`` in its context one without: the same indices go from each of its rows."""
    at = dict(maps.at)
    for other, m in maps.at.items():
        if dim not in m.context:
            continue
        context = tuple(d for d in m.context if d != dim)
        cols = tags.new(*(maps.shape[d] for d in (*context, other)))
        tags.either(m.tags, rows(tags, maps, m), np.expand_dims(cols, m.context.index(dim)))
        at[other] = Map(context, cols)
    return Maps(maps.shape, at)


def pin(tags: Tags, maps: Maps, dim: int) -> Maps:
    """Remove nothing along ``dim`` alone: what has a context there goes only with its whole row."""
    if dim not in maps.at:
        return maps
    m = maps.at[dim]
    tags.unite(m.tags, rows(tags, maps, m) if m.context else np.zeros_like(m.tags))
    return Maps(maps.shape, {d: other for d, other in maps.at.items() if d != dim})


def fix(tags: Tags, maps: Maps, dim: int) -> Maps:
    """Pin ``dim`` and everything that varies along it: what is computed along ``dim`` mixes all its indices."""
    return detach(tags, pin(tags, maps, dim), dim)


def drop(tags: Tags, maps: Maps, dims: Iterable[int], keep: bool = False) -> Maps:
    """Sum over ``dims``; they disappear, or stay with size one."""
    gone = sorted(set(dims))
    for dim in gone:
        maps = detach(tags, maps, dim)
    left = Maps(maps.shape, {d: m for d, m in maps.at.items() if d not in gone})
    if keep:
        return Maps(tuple(1 if d in gone else n for d, n in enumerate(maps.shape)), left.at)
    return rename(left, [d for d in range(maps.rank) if d not in gone])


def rename(maps: Maps, order: Sequence[int | None], shape: Sequence[int] | None = None) -> Maps:
    """Put the dimensions in a new order; None stands for a new dimension (of size one unless ``shape`` says more)."""
    where = {old: new for new, old in enumerate(order) if old is not None}
    at: dict[int, Map] = {}
    for dim, m in maps.at.items():
        dims = [where[d] for d in (*m.context, dim)]
        axes = sorted(range(len(m.context)), key=lambda i: dims[i])
        at[dims[-1]] = Map(tuple(dims[i] for i in axes), m.tags.transpose([*axes, len(dims) - 1]))
    sizes = [1 if old is None else maps.shape[old] for old in order]
    return Maps(tuple(sizes if shape is None else shape), at)


def take(maps: Maps, dim: int, places: Array) -> Maps:
    """The elements at ``places`` along ``dim``, in that order."""
    at: dict[int, Map] = {}
    for other, m in maps.at.items():
        dims = (*m.context, other)
        at[other] = Map(m.context, m.tags.take(places, axis=dims.index(dim))) if dim in dims else m
    return Maps(tuple(len(places) if d == dim else n for d, n in enumerate(maps.shape)), at)


def pick(tags: Tags, maps: Maps, dim: int, place: int) -> Maps:
    """The elements at one place along ``dim``, which disappears. The place must stay; what lies below is free."""
    one = take(pin(tags, maps, dim), dim, np.array([place]))
    at = {d: squeezed(m, d, dim) for d, m in one.at.items()}
    return rename(Maps(one.shape, at), [d for d in range(maps.rank) if d != dim])


def squeezed(m: Map, dim: int, gone: int) -> Map:
    """``m`` without the dimension ``gone`` (of size one) in its context."""
    if gone not in m.context:
        return m
    axis = m.context.index(gone)
    return Map(tuple(d for d in m.context if d != gone), m.tags.squeeze(axis))
