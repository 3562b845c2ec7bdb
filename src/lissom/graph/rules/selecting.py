"""Selecting: some places along a dimension are addressed by number, so these numbers have to stay valid."""

import numpy as np
from torch import fx

from lissom.graph.maps import Maps, detach, fix, pick, pin, take
from lissom.graph.meeting import meet
from lissom.graph.rules.table import Call, Change, Living, NoRuleError, Result, resize, rule


@rule("select")
def _select(call: Call) -> Maps:
    maps = call.maps("self")
    dim = maps.dim(call["dim"])
    place = int(call["index"]) % maps.shape[dim]
    if dim in maps.at and not maps.at[dim].context:
        call.tags.pin(maps.at[dim].tags[place : place + 1])  # it alone has to stay; its number follows what is left
        maps = Maps(maps.shape, {d: m for d, m in maps.at.items() if d != dim})
    return pick(call.tags, maps, dim, place)


@resize("select")
def _select_index(call: Call, living: Living, result: Result) -> Change | None:
    maps, index = call.maps("self"), int(call["index"])
    dim = maps.dim(call["dim"])
    if dim not in maps.at:
        return None
    before = living(take(maps, dim, np.arange(index % maps.shape[dim])))[dim]
    return {"index": before - living(maps)[dim] if index < 0 else before}


@rule("unbind")
def _unbind(call: Call) -> list[Maps]:
    maps = call.maps("self")
    dim = maps.dim(call.get("dim", 0))
    return [pick(call.tags, maps, dim, place) for place in range(maps.shape[dim])]


def pinned(call: Call, maps: Maps) -> Maps:
    """Pin every dimension."""
    for dim in range(maps.rank):
        maps = fix(call.tags, maps, dim)
    return maps


@rule("index")
def _index(call: Call) -> Maps:
    maps = call.maps("self")
    indexed = [d for d, index in enumerate(call["indices"]) if index is not None]
    for index in call["indices"]:
        if isinstance(index, fx.Node):
            pinned(call, call.of(index))
    for dim in indexed:
        maps = fix(call.tags, maps, dim)
    together = indexed == list(range(indexed[0], indexed[-1] + 1))
    added = len(call.shape) - (maps.rank - len(indexed))
    first = indexed[0] if together else 0
    moved = [d for d in range(maps.rank) if d not in indexed]
    where = {d: (d if d < first else d - sum(i < d for i in indexed) + added) for d in moved}
    if not together:
        where = {d: place + added for place, d in enumerate(moved)}
    return _moved(maps, where, call.shape)


def _moved(maps: Maps, where: dict[int, int], shape: tuple[int, ...]) -> Maps:
    at = {}
    for dim, m in maps.at.items():
        if dim in where:
            at[where[dim]] = type(m)(tuple(where[d] for d in m.context), m.tags)
    return Maps(shape, at)


@rule("embedding")
def _embedding(call: Call) -> Maps:
    pinned(call, call.maps("indices"))
    table = fix(call.tags, call.maps("weight"), 0)
    if call["weight"] in call.weights:
        call.role(table, 1, "producer")
    last = len(call.shape) - 1
    return Maps(call.shape, {last: table.at[1]} if 1 in table.at else {})


@rule("index_select")
def _index_select(call: Call) -> Maps:
    maps = call.maps("self")
    pinned(call, call.maps("index"))
    return Maps(call.shape, fix(call.tags, maps, maps.dim(call["dim"])).at)


@rule("gather", "take_along_dim")
def _gather(call: Call) -> Maps:
    maps, index = call.maps("self"), call.maps("index")
    dim = maps.dim(call["dim"])
    maps, index = fix(call.tags, maps, dim), fix(call.tags, index, dim)
    if any(a != b for d, (a, b) in enumerate(zip(maps.shape, index.shape, strict=True)) if d != dim):
        raise NoRuleError("an index of other sizes than what it reads")
    return meet(call.tags, [Maps(call.shape, maps.at), index], call.shape)


@rule("topk", "sort", "kthvalue", "cummax", "cummin")
def _sorted(call: Call) -> list[Maps]:
    maps = call.maps("self")
    maps = fix(call.tags, maps, maps.dim(call.get("dim", -1)))
    return [Maps(shape, maps.at) for shape in call.shapes]


@rule("argmax", "argmin")
def _best(call: Call) -> Maps:
    return _numbered(call)


def _numbered(call: Call) -> Maps:
    maps = call.maps("self")
    if call.args.get("dim") is None:
        pinned(call, maps)
        return Maps(call.shape)
    dim = maps.dim(call["dim"])
    maps = fix(call.tags, maps, dim)
    if call.get("keepdim", False):
        return Maps(call.shape, maps.at)
    where = {d: d - (d > dim) for d in range(maps.rank) if d != dim}
    return _moved(maps, where, call.shape)


@rule("triu", "tril")
def _triangle(call: Call) -> Maps:
    maps = call.maps("self")
    for dim in (maps.rank - 2, maps.rank - 1):
        maps = detach(call.tags, pin(call.tags, maps, dim), dim)
    return maps


@rule("cumsum", "cumprod", "softmax", "log_softmax", "_softmax", "_log_softmax", "softmin", "renorm", "logcumsumexp")
def _along(call: Call) -> Maps:
    maps = call.maps("self")
    return fix(call.tags, maps, maps.dim(call["dim"]))
