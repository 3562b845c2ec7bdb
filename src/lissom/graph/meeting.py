"""How tags meet: element by element, by concatenation, by contraction."""

from collections.abc import Sequence

import numpy as np

from lissom.graph.maps import Map, Maps, drop, joint, rename, spread
from lissom.graph.tags import Array, Tags


def lift(maps: Maps, shape: Sequence[int]) -> Maps:
    """``maps`` with dimensions of size one put in front until it has the rank of ``shape``."""
    missing = len(shape) - maps.rank
    return rename(maps, [None] * missing + list(range(maps.rank))) if missing else maps


def meet(tags: Tags, operands: Sequence[Maps], shape: Sequence[int]) -> Maps:
    """Broadcast the operands to ``shape`` and combine them element by element.

    Maps of one dimension are united; where their contexts differ, those with more context are aligned: the same
    indices go from each of their rows. A dimension in which an operand has its full size and no tags is pinned.
    """
    lifted = [lift(m, shape) for m in operands]
    at: dict[int, Map] = {}
    for dim, size in enumerate(shape):
        present = [m for m in lifted if m.shape[dim] == size]
        if size > 1 and any(dim in m.at for m in present):
            combined = _meet_at(tags, present, dim, shape)
            if combined is not None:
                at[dim] = combined
    return Maps(tuple(shape), at)


def _meet_at(tags: Tags, present: Sequence[Maps], dim: int, shape: Sequence[int]) -> Map | None:
    """Combine the maps of ``dim``; None when the dimension ends up pinned."""
    contexts = [m.at[dim].context if dim in m.at else () for m in present]
    common = tuple(sorted(set(contexts[0]).intersection(*contexts[1:])))
    onto = [*common, dim]
    if any(dim not in m.at for m in present):
        base = np.zeros([1] * len(onto), dtype=np.int64)
    else:
        plain = [m.at[dim].tags for m, c in zip(present, contexts, strict=True) if c == common]
        base = plain[0] if plain else tags.new(*(shape[d] for d in onto))
    for maps in present:
        if dim not in maps.at:
            continue
        m = maps.at[dim]
        if m.context == common:
            tags.unite(m.tags, base)
        else:
            _align(tags, maps, dim, base, onto)
    return None if any(dim not in m.at for m in present) else Map(common, base)


def _align(tags: Tags, maps: Maps, dim: int, cols: Array, onto: Sequence[int]) -> None:
    """Tie the map of ``dim``, which has more context, to the columns ``cols`` over ``onto``."""
    m = maps.at[dim]
    outer = [*m.context, dim]
    wide = cols.reshape([cols.shape[list(onto).index(d)] if d in onto else 1 for d in outer])
    tags.either(m.tags, joint(tags, maps, m.context)[..., None], wide)


def concatenate(tags: Tags, parts: Sequence[Maps], dim: int, shape: Sequence[int]) -> Maps:
    """The parts one after the other along ``dim``; along the other dimensions they have to go together."""
    at: dict[int, Map] = {}
    for other in range(len(shape)):
        maps = [p.at.get(other) for p in parts]
        context = tuple(sorted({d for m in maps if m is not None for d in m.context}))
        if other == dim and any(m is not None for m in maps):
            at[dim] = _joined(parts, dim, dim, context)
        elif dim in context:
            joined = _joined(parts, other, dim, context)
            rows = [np.broadcast_to(joint(tags, p, context), [p.shape[d] for d in context]) for p in parts]
            tags.block(np.concatenate(rows, axis=context.index(dim)), joined.tags)
            at[other] = joined
    flat = tuple(1 if d == dim else n for d, n in enumerate(shape))
    rest = [Maps(flat, {d: m for d, m in p.at.items() if d not in at}) for p in parts]
    return Maps(tuple(shape), {**_without_pins(tags, rest, flat, at), **at})


def _without_pins(tags: Tags, rest: Sequence[Maps], shape: Sequence[int], done: dict[int, Map]) -> dict[int, Map]:
    """Meet in the dimensions that are not ``done`` yet."""
    met = meet(tags, rest, [1 if d in done else n for d, n in enumerate(shape)]) if not done else None
    if met is None:
        sizes = tuple(1 if d in done else n for d, n in enumerate(shape))
        met = meet(tags, [Maps(sizes, m.at) for m in rest], sizes)
    return dict(met.at)


def _joined(parts: Sequence[Maps], other: int, dim: int, context: tuple[int, ...]) -> Map:
    """The maps of ``other`` over ``context``, one part after the other along ``dim``; zeros where a part has none."""
    dims = [*context, other]
    pieces: list[Array] = []
    for part in parts:
        sizes = [part.shape[d] for d in dims]
        m = part.at.get(other)
        tags = np.zeros(1, dtype=np.int64) if m is None else spread(m, other, dims)
        pieces.append(np.broadcast_to(tags, sizes))
    return Map(context, np.concatenate(pieces, axis=dims.index(dim)))


def contract(
    tags: Tags, first: tuple[Maps, Sequence[str]], second: tuple[Maps, Sequence[str]], result: Sequence[str]
) -> Maps:
    """Multiply two tensors whose dimensions have names and sum over the names that ``result`` leaves out."""
    met, names = meet_named(tags, [first, second])
    gone = [i for i, name in enumerate(names) if name not in result]
    left = drop(tags, met, gone)
    kept = [name for name in names if name in result]
    return rename(left, [kept.index(name) for name in result])


def meet_named(tags: Tags, operands: Sequence[tuple[Maps, Sequence[str]]]) -> tuple[Maps, list[str]]:
    """Combine tensors element by element in the space of all their dimensions' names."""
    names = list(dict.fromkeys(name for _, labels in operands for name in labels))
    size = dict.fromkeys(names, 1)
    for maps, labels in operands:
        for name, n in zip(labels, maps.shape, strict=True):
            size[name] = max(size[name], n)
    lifted = [
        rename(m, [labels.index(name) if name in labels else None for name in names])
        for m, labels in ((m, list(labels)) for m, labels in operands)
    ]
    return meet(tags, lifted, [size[name] for name in names]), names
