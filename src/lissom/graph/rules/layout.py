"""Layout: the elements stay what they are and move."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from lissom.graph.maps import Maps, detach, pin, rename, rows, take
from lissom.graph.meeting import concatenate, lift, meet
from lissom.graph.reshaping import view
from lissom.graph.rules.table import Call, Change, Living, NoRuleError, Replacement, Result, resize, rule

VIEWS = ("view", "reshape", "_unsafe_view", "unsafe_view", "flatten", "unflatten", "view_as", "reshape_as")


@rule(*VIEWS, "squeeze", "unsqueeze")
def _view(call: Call) -> Maps:
    return view(call.tags, call.maps("self"), call.shape)


@resize("view", "reshape", "_unsafe_view", "unsafe_view")
def _view_size(call: Call, living: Living, result: Result) -> Change | None:
    assert isinstance(result, Maps)
    key = "shape" if "shape" in call.args else "size"
    after = list(living(result))
    if after == list(call.shape):
        return None
    sizes = zip(call[key], call.shape, after, strict=True)
    return {key: [old if size == new else new for old, size, new in sizes]}


@resize("unflatten")
def _unflatten_size(call: Call, living: Living, result: Result) -> Change:
    assert isinstance(result, Maps)
    dim = call.maps("self").dim(call["dim"])
    return {"sizes": list(living(result))[dim : dim + len(call["sizes"])]}


@rule("permute", "numpy_T", "mT", "t", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis")
def _permute(call: Call) -> Maps:
    maps = call.maps("self")
    return rename(maps, permutation(call, maps.rank))


def permutation(call: Call, rank: int) -> list[int]:
    """Which old dimension each new dimension is: read off by permuting a tensor whose sizes are all different."""
    operator: Any = call.node.target
    probe = torch.empty([d + 2 for d in range(rank)], device="meta")
    others = {k: v for k, v in call.args.items() if k != "self"}
    return [n - 2 for n in operator(probe, **others).shape]


@rule("expand", "broadcast_to")
def _expand(call: Call) -> Maps:
    lifted = lift(call.maps("self"), call.shape)
    return Maps(call.shape, lifted.at)


@rule("expand_as")
def _expand_as(call: Call) -> Maps:
    """As wide as the other tensor, whatever is left of that."""
    return meet(call.tags, [call.maps("self"), call.maps("other")], call.shape)


@resize("expand", "broadcast_to")
def _expand_size(call: Call, living: Living, result: Result) -> Change:
    assert isinstance(result, Maps)
    sizes = zip(call["size"], call.shape, living(result), strict=True)
    return {"size": [old if old == -1 or size == new else new for old, size, new in sizes]}


def part(call: Call, maps: Maps, dim: int, places: np.ndarray) -> Maps:
    """A part along ``dim``. The parts of a dimension with context have to stay equal in all rows; none gets empty."""
    result = take(maps, dim, places)
    if dim in maps.at and len(places) < maps.shape[dim]:
        m = result.at[dim]
        if m.context:
            call.tags.block(np.broadcast_to(rows(call.tags, result, m)[..., 0], m.tags.shape[:-1]), m.tags)
        else:
            call.tags.floor(m.tags)
    return result


@rule("slice", "narrow")
def _slice(call: Call) -> Maps:
    maps = call.maps("self")
    dim = maps.dim(call["dim"])
    start, stop, step = bounds(call, maps.shape[dim])
    if step > 1 and dim in maps.at:
        maps = pin(call.tags, maps, dim) if start >= step or stop < maps.shape[dim] else _in_step(call, maps, dim, step)
    return part(call, maps, dim, np.arange(start, stop, step))


def bounds(call: Call, size: int) -> tuple[int, int, int]:
    """Start, stop and step of a slice, all in 0..size."""
    if call.name == "narrow":
        start = int(call["start"]) % max(size, 1)
        return start, start + int(call["length"]), 1
    return slice(call.args.get("start"), call.args.get("end"), call.get("step", 1)).indices(size)


def _in_step(call: Call, maps: Maps, dim: int, step: int) -> Maps:
    """Every ``step``-th index survives removal only if whole steps are removed."""
    m = maps.at[dim]
    whole = m.tags.shape[-1] // step * step
    if whole < m.tags.shape[-1]:
        return pin(call.tags, maps, dim)
    steps = m.tags.reshape(*m.tags.shape[:-1], -1, step)
    call.tags.unite(steps, steps[..., :1])
    return maps


@resize("slice")
def _slice_size(call: Call, living: Living, result: Result) -> Change | None:
    source = call.maps("self")
    dim = source.dim(call["dim"])
    start, stop, step = bounds(call, source.shape[dim])
    if step > 1:  # whole steps went: it is the same place of each that is left
        return {"start": start}
    if dim not in source.at or (start == 0 and stop == source.shape[dim]):
        return None
    before = living(take(source, dim, np.arange(start)))[dim]
    until = living(take(source, dim, np.arange(stop)))[dim]
    return {"start": before, "end": until}


@resize("narrow")
def _narrow_size(call: Call, living: Living, result: Result) -> Change | None:
    change = _slice_size(call, living, result)
    return None if change is None else {"start": change["start"], "length": change["end"] - change["start"]}


@rule("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes")
def _split(call: Call) -> list[Maps]:
    maps = call.maps("self")
    dim = maps.dim(call.get("dim", 0))
    sizes = [shape[dim] for shape in call.shapes]
    ends = np.cumsum(sizes)
    parts = [part(call, maps, dim, np.arange(end - n, end)) for n, end in zip(sizes, ends, strict=True)]
    if dim in maps.at and len(set(sizes)) == 1 and len(sizes) > 1:
        _equal_parts(call, maps, dim, len(sizes))
    return parts


def _equal_parts(call: Call, maps: Maps, dim: int, count: int) -> None:
    """Parts of equal size stay equal, so that the same words in the user's code still say the right thing."""
    m = maps.at[dim]
    cells = m.tags.reshape(*m.tags.shape[:-1], count, -1)
    outer = np.broadcast_to(rows(call.tags, maps, m), cells.shape[:-1])
    call.tags.block(outer, cells, soft=True)


@resize("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes")
def _split_sizes(call: Call, living: Living, result: Result) -> Replacement | None:
    assert isinstance(result, list)
    dim = call.maps("self").dim(call.get("dim", 0))
    sizes = [living(maps)[dim] for maps in result]
    if sizes == [maps.shape[dim] for maps in result]:
        return None
    return Replacement(torch.ops.aten.split_with_sizes.default, (call["self"], sizes, dim))


@rule("cat", "concat", "concatenate")
def _cat(call: Call) -> Maps:
    parts = [call.of(node) for node in call["tensors"] if call.of(node).shape != (0,)]
    return concatenate(call.tags, parts, call.get("dim", 0) % len(call.shape), call.shape)


@rule("stack")
def _stack(call: Call) -> Maps:
    dim = call.get("dim", 0) % len(call.shape)
    flat = [*call.shape[:dim], 1, *call.shape[dim + 1 :]]
    met = meet(call.tags, [view(call.tags, call.of(node), flat) for node in call["tensors"]], flat)
    return Maps(call.shape, met.at)


@rule("flip", "roll")
def _turn(call: Call) -> Maps:
    maps = call.maps("self")
    dims = call.get("dims", []) or range(maps.rank)
    for dim in dims:
        maps = pin(call.tags, maps, maps.dim(dim))
        maps = detach(call.tags, maps, maps.dim(dim))
    return maps


@rule("repeat", "tile")
def _repeat(call: Call) -> Maps:
    maps = lift(call.maps("self"), call.shape)
    for dim, size in enumerate(call.shape):
        times = size // maps.shape[dim]
        if times > 1:
            maps = _repeated(maps, dim, np.tile(np.arange(maps.shape[dim]), times))
    return maps


def _repeated(maps: Maps, dim: int, places: np.ndarray) -> Maps:
    if maps.shape[dim] > 1:
        return take(maps, dim, places)
    return Maps(tuple(len(places) if d == dim else n for d, n in enumerate(maps.shape)), maps.at)


@rule("repeat_interleave")
def _repeat_interleave(call: Call) -> Maps:
    if not isinstance(call.args.get("repeats"), int) or call.args.get("dim") is None:
        raise NoRuleError("repeats by a tensor, or over all dimensions")
    maps = call.maps("self")
    dim = maps.dim(call["dim"])
    return _repeated(maps, dim, np.repeat(np.arange(maps.shape[dim]), call["repeats"]))


@rule("im2col")
def _unfold(call: Call) -> Maps:
    """Each channel becomes as many as a window has places."""
    maps = _spaceless(call, call.maps("self"), 2)
    channel = maps.rank - 3
    places = np.repeat(np.arange(maps.shape[channel]), call.shape[channel] // maps.shape[channel])
    return Maps(call.shape, take(maps, channel, places).at)


@rule("col2im")
def _fold(call: Call) -> Maps:
    """The places of a window, which go together, become one channel again."""
    maps = call.maps("self")
    *batch, _, windows = maps.shape
    channels = call.shape[-3]
    maps = view(call.tags, maps, [*batch, channels, maps.shape[-2] // channels, windows])
    return Maps(call.shape, _spaceless(call, maps, 2).at)


def _spaceless(call: Call, maps: Maps, count: int) -> Maps:
    """Fix the last dimensions."""
    for dim in range(maps.rank - count, maps.rank):
        maps = detach(call.tags, pin(call.tags, maps, dim), dim)
    return maps


def chain(call: Call, maps: Maps, steps: Sequence[tuple[str, Any]]) -> Maps:
    """Several views and permutations, one after the other."""
    for what, value in steps:
        maps = view(call.tags, maps, value) if what == "view" else rename(maps, value)
    return maps


@rule("pixel_shuffle")
def _pixel_shuffle(call: Call) -> Maps:
    *batch, c, h, w = call.maps("self").shape
    r, n = call["upscale_factor"], math.prod(batch)
    steps = [("view", [n, c // r**2, r, r, h, w]), ("permute", [0, 1, 4, 2, 5, 3]), ("view", call.shape)]
    return _square(call, steps)


@rule("pixel_unshuffle")
def _pixel_unshuffle(call: Call) -> Maps:
    *batch, c, h, w = call.maps("self").shape
    r, n = call["downscale_factor"], math.prod(batch)
    steps = [("view", [n, c, h // r, r, w // r, r]), ("permute", [0, 1, 3, 5, 2, 4]), ("view", call.shape)]
    return _square(call, steps)


def _square(call: Call, steps: Sequence[tuple[str, Any]]) -> Maps:
    """Between space and channels: the little squares are fixed in size."""
    maps = chain(call, call.maps("self"), steps[:2])
    for dim in range(maps.rank):
        if dim != 1:
            maps = detach(call.tags, pin(call.tags, maps, dim), dim)
    return chain(call, maps, steps[2:])


@rule("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(call: Call) -> Maps:
    n, c, *space = call.maps("self").shape
    g = call["groups"]
    order = [0, 2, 1, *range(3, 3 + len(space))]
    return chain(call, call.maps("self"), [("view", [n, g, c // g, *space]), ("permute", order), ("view", call.shape)])
