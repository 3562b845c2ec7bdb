"""What a view does to tags: dimensions are merged and split, and rows and cells appear.

A view is taken apart into the smallest runs of dimensions with equal products. Within a run the old dimensions
are merged into one (if their nesting agrees with their order; otherwise, as in a channel shuffle, the inner one
is aligned first) and that one is split into the new dimensions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lissom.graph.maps import Map, Maps, fix, joint
from lissom.graph.tags import Array, Tags


@dataclass(frozen=True)
class Run:
    """Old dimensions and the new ones that they turn into, all longer than one, with equal products."""

    old: tuple[int, ...]
    new: tuple[int, ...]

    @property
    def plain(self) -> bool:
        return len(self.old) == len(self.new) == 1


def runs(old: Sequence[int], new: Sequence[int]) -> list[Run]:
    """The smallest runs of dimensions with equal products."""
    result: list[Run] = []
    left, right = [d for d, n in enumerate(old) if n != 1], [d for d, n in enumerate(new) if n != 1]
    i = j = 0
    while i < len(left) and j < len(right):
        a, b, i0, j0 = old[left[i]], new[right[j]], i, j
        i, j = i + 1, j + 1
        while a != b:
            if a < b:
                a, i = a * old[left[i]], i + 1
            else:
                b, j = b * new[right[j]], j + 1
        result.append(Run(tuple(left[i0:i]), tuple(right[j0:j])))
    return result


def view(tags: Tags, maps: Maps, shape: Sequence[int]) -> Maps:
    """Tags of the tensor seen in another shape of as many elements."""
    parts = runs(maps.shape, shape)
    maps = _ordered(tags, maps, parts)
    run_of = {d: run for run in parts for d in run.old}
    at: dict[int, Map] = {}
    for run in parts:
        if any(d in maps.at for d in run.old):
            at.update(_through(tags, maps, run, run_of, shape))
    return Maps(tuple(shape), at)


def _ordered(tags: Tags, maps: Maps, parts: Sequence[Run]) -> Maps:
    """Weld what would be merged against its nesting: the same cells go from each row, and no row goes alone."""
    for run in parts:
        for place, dim in enumerate(run.old):
            if dim in maps.at:
                for late in set(maps.at[dim].context).intersection(run.old[place + 1 :]):
                    maps = _weld(tags, maps, dim, late)
    return maps


def _weld(tags: Tags, maps: Maps, dim: int, late: int) -> Maps:
    m = maps.at[dim]
    axis = m.context.index(late)
    one = np.asarray(m.tags.take(0, axis=axis))
    tags.unite(m.tags, np.expand_dims(one, axis))
    at = {**maps.at, dim: Map(tuple(d for d in m.context if d != late), one)}
    return fix(tags, Maps(maps.shape, at), late)


def _through(tags: Tags, maps: Maps, run: Run, run_of: dict[int, Run], shape: Sequence[int]) -> dict[int, Map]:
    """The maps of the new dimensions of one run."""
    outer = sorted({d for dim in run.old if dim in maps.at for d in maps.at[dim].context} - set(run.old))
    if run.plain and not outer:
        return {run.new[0]: Map((), maps.at[run.old[0]].tags)}
    merged = joint(tags, maps, run.old, outer)
    merged, context = _context(merged, maps, outer, run_of, shape)
    sizes = [shape[d] for d in context]
    cells = merged.reshape(*sizes, *(shape[d] for d in run.new))
    return split(tags, cells, context, run.new)


def _context(
    merged: Array, maps: Maps, outer: Sequence[int], run_of: dict[int, Run], shape: Sequence[int]
) -> tuple[Array, list[int]]:
    """Express the outer dimensions of ``merged`` in those of the new shape (in front, one axis each)."""
    touched = list(dict.fromkeys(run_of[d] for d in outer))
    wide_dims = [d for run in touched for d in run.old]
    rest = merged.shape[len(outer) :]
    sizes = [merged.shape[list(outer).index(d)] if d in outer else 1 for d in wide_dims]
    order = [list(outer).index(d) for d in wide_dims if d in outer]
    moved = merged.transpose([*order, *range(len(outer), merged.ndim)]).reshape(*sizes, *rest)
    wide = np.broadcast_to(moved, (*(maps.shape[d] for d in wide_dims), *rest))
    context = [d for run in touched for d in run.new]
    return wide.reshape(*(shape[d] for d in context), *rest), context


def split(tags: Tags, cells: Array, context: Sequence[int], new: Sequence[int]) -> dict[int, Map]:
    """Maps of the dimensions ``new`` for tags over ``context`` and ``new``; all but the last get row tags.

    Axes along which nothing varies are left out.
    """
    roots = tags.find(cells)
    dims = [*context, *new]
    for axis in reversed(range(len(dims))):
        first = roots.take([0], axis=axis)
        if (roots == first).all():
            roots, cells = first.squeeze(axis), np.asarray(cells.take(0, axis=axis))
            del dims[axis]
    inner = [d for d in dims if d in new]
    outer = [d for d in dims if d not in new]
    at: dict[int, Map] = {}
    levels = [tags.rows_of(cells, len(outer) + k) for k in range(1, len(inner))]
    levels = [*levels, cells] if inner else []
    for k, (dim, level) in enumerate(zip(inner, levels, strict=True)):
        dims_before = [*outer, *inner[:k]]
        at[dim] = _sorted(dims_before, level)
        if k:
            tags.block(levels[k - 1], level)
    return at


def _sorted(context: Sequence[int], level: Array) -> Map:
    order = sorted(range(len(context)), key=lambda i: context[i])
    return Map(tuple(context[i] for i in order), level.transpose([*order, len(context)]))
