"""Contraction: multiply and sum over shared dimensions."""

import math
from collections.abc import Sequence

import numpy as np
from torch import fx

from lissom.graph.maps import Maps, fix, take, view_at
from lissom.graph.meeting import contract, meet
from lissom.graph.reshaping import view
from lissom.graph.rules.table import Call, Change, Living, NoRuleError, Result, resize, rule


def _names(count: int) -> list[str]:
    return [f"batch{i}" for i in range(count)]


def _weight(call: Call, node: fx.Node, inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Remember which dimensions of a weight consume and which produce."""
    if node in call.weights:
        for dim in inputs:
            call.role(call.of(node), dim, "consumer")
        for dim in outputs:
            call.role(call.of(node), dim, "producer")


def _add_bias(call: Call, maps: Maps, name: str, dim: int = -1) -> Maps:
    if not call.has(name):
        return maps
    bias = call.maps(name)
    if bias.rank == 1:
        bias = view_at(bias, dim % maps.rank, maps.rank)
    if call[name] in call.weights:
        call.role(bias, dim % maps.rank, "producer")
    return meet(call.tags, [maps, bias], maps.shape)


@rule("linear")
def _linear(call: Call) -> Maps:
    x, w = call.maps("input"), call.maps("weight")
    _weight(call, call["weight"], [1], [0])
    batch = _names(x.rank - 1)
    out = contract(call.tags, (x, [*batch, "in"]), (w, ["out", "in"]), [*batch, "out"])
    return _add_bias(call, out, "bias")


@rule("addmm", "baddbmm")
def _addmm(call: Call) -> Maps:
    names = ("mat1", "mat2") if call.name == "addmm" else ("batch1", "batch2")
    out = _product(call, *names)
    return _add_bias(call, out, "self")


@rule("mm", "bmm")
def _mm(call: Call) -> Maps:
    return _product(call, "self", "mat2")


@rule("matmul")
def _matmul(call: Call) -> Maps:
    return _product(call, "self", "other")


@rule("mv")
def _mv(call: Call) -> Maps:
    return _product(call, "self", "vec")


@rule("dot", "vdot")
def _dot(call: Call) -> Maps:
    return _product(call, "self", "tensor" if "tensor" in call.args else "other")


def _product(call: Call, first: str, second: str) -> Maps:
    a, b = call.maps(first), call.maps(second)
    rank = max(a.rank, b.rank)
    batch = _names(max(rank - 2, 0))
    names_a = ["in"] if a.rank == 1 else [*batch[len(batch) - (a.rank - 2) :], "rows", "in"]
    names_b = ["in"] if b.rank == 1 else [*batch[len(batch) - (b.rank - 2) :], "in", "cols"]
    out = [*batch, *(["rows"] if a.rank > 1 else []), *(["cols"] if b.rank > 1 else [])]
    if b.rank > 1:
        _weight(call, call[second], [b.rank - 2], [b.rank - 1])
    if a.rank > 1:
        _weight(call, call[first], [a.rank - 1], [a.rank - 2])
    if call[first] not in call.weights and call[second] not in call.weights:
        _heads(call, a, b)
    return contract(call.tags, (a, names_a), (b, names_b), out)


def _heads(call: Call, *operands: Maps) -> None:
    """Two activations multiplied: their batch dimensions are heads, what they contract is the size of a head."""
    for maps in operands:
        for dim, m in maps.at.items():
            if dim < maps.rank - 2:
                call.tags.label(m.tags, "heads")
            elif maps.rank > 2:
                call.tags.label(m.tags, "head size")


@rule("einsum")
def _einsum(call: Call) -> Maps:
    equation = call["equation"].replace(" ", "")
    if "..." in equation or len(call["tensors"]) > 2:
        raise NoRuleError("an ellipsis, or more than two tensors")
    left, _, right = equation.partition("->")
    terms = left.split(",")
    if any(len(set(term)) < len(term) for term in terms):
        raise NoRuleError("a diagonal")
    if "->" not in equation:
        letters = "".join(terms)
        right = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    operands = [(call.of(node), list(term)) for node, term in zip(call["tensors"], terms, strict=True)]
    for node, term in zip(call["tensors"], terms, strict=True):
        gone = [i for i, c in enumerate(term) if c not in right]
        _weight(call, node, gone, [i for i in range(len(term)) if i not in gone])
    if len(operands) == 1:
        operands.append((Maps(()), []))
    return contract(call.tags, operands[0], operands[1], list(right))


@rule("scaled_dot_product_attention")
def _attention(call: Call) -> Maps:
    q, k, v = (call.maps(name) for name in ("query", "key", "value"))
    if call.get("enable_gqa", False) and q.rank > 2:
        k, v = (_each(maps, maps.rank - 3, q.shape[-3] // maps.shape[-3]) for maps in (k, v))
    _heads(call, q, k, v)
    batch = _names(max(q.rank, k.rank) - 2)
    scores = contract(call.tags, (q, [*batch, "to", "size"]), (k, [*batch, "from", "size"]), [*batch, "to", "from"])
    if call.has("attn_mask"):
        scores = meet(call.tags, [scores, call.maps("attn_mask")], scores.shape)
    scores = fix(call.tags, scores, scores.rank - 1)
    return contract(call.tags, (scores, [*batch, "to", "from"]), (v, [*batch, "from", "size"]), [*batch, "to", "size"])


def _each(maps: Maps, dim: int, times: int) -> Maps:
    if maps.shape[dim] > 1:
        return take(maps, dim, np.repeat(np.arange(maps.shape[dim]), times))
    return Maps(tuple(times if d == dim else n for d, n in enumerate(maps.shape)), maps.at)


@resize("scaled_dot_product_attention")
def _attention_scale(call: Call, living: Living, result: Result) -> Change | None:
    query = call.maps("query")
    if call.args.get("scale") is not None or living(query)[-1] == query.shape[-1]:
        return None
    return {"scale": 1 / math.sqrt(query.shape[-1])}


CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


@rule(*CONVOLUTIONS)
def _convolution(call: Call) -> Maps:
    w = call.maps("weight")
    groups = call.get("groups", 1)
    _weight(call, call["weight"], [1], [0])
    grouped = view(call.tags, _no_space(call, w, 2), [groups, w.shape[0] // groups, *w.shape[1:]])
    weight = _front(grouped, 3)
    return _convolve(call, groups, (weight, ["groups", "out", "in"]))


@rule(*TRANSPOSED)
def _transposed(call: Call) -> Maps:
    w = call.maps("weight")
    groups = call.get("groups", 1)
    _weight(call, call["weight"], [0], [1])
    grouped = view(call.tags, _no_space(call, w, 2), [groups, w.shape[0] // groups, *w.shape[1:]])
    return _convolve(call, groups, (_front(grouped, 3), ["groups", "in", "out"]))


def _no_space(call: Call, maps: Maps, first: int) -> Maps:
    """Pin the dimensions from ``first`` on: kernels and pictures keep their size."""
    for dim in range(first, maps.rank):
        maps = fix(call.tags, maps, dim)
    return maps


def _front(maps: Maps, count: int) -> Maps:
    """The first dimensions only (the others carry no tags)."""
    return Maps(maps.shape[:count], maps.at)


def _convolve(call: Call, groups: int, weight: tuple[Maps, list[str]]) -> Maps:
    x = call.maps("input")
    call.memory["weight"] = weight[0]
    channel = 1 if x.rank == len(call["weight"].meta["val"].shape) else 0
    x = _no_space(call, x, channel + 1)
    batch = list(x.shape[:channel])
    x = view(call.tags, x, [*batch, groups, x.shape[channel] // groups, *x.shape[channel + 1 :]])
    names = [*_names(channel), "groups", "in"]
    out = contract(call.tags, (_front(x, channel + 2), names), weight, [*_names(channel), "groups", "out"])
    if groups > 1:
        _label_groups(call, out, channel)
    out = view(call.tags, Maps((*out.shape, *([1] * (x.rank - channel - 2))), out.at), _flat(call, channel))
    return _add_bias(call, Maps(call.shape, out.at), "bias", channel)


def _flat(call: Call, channel: int) -> list[int]:
    return [n if d <= channel else 1 for d, n in enumerate(call.shape)]


def _label_groups(call: Call, out: Maps, channel: int) -> None:
    if channel in out.at and channel + 1 in out.at:
        call.tags.label(out.at[channel].tags, "groups")
        call.tags.label(out.at[channel + 1].tags, "group width")


@resize(*CONVOLUTIONS, *TRANSPOSED)
def _groups(call: Call, living: Living, result: Result) -> Change | None:
    groups = call.get("groups", 1)
    if groups == 1:
        return None
    left = living(call.memory["weight"])[0]
    return None if left == groups else {"groups": left}
