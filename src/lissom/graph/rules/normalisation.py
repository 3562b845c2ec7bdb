"""Normalisation, pooling and reduction: parameters follow, and statistics are taken over what is kept."""

import numpy as np

from lissom.graph.maps import Maps, drop, fix, view_at
from lissom.graph.meeting import meet
from lissom.graph.reshaping import view
from lissom.graph.rules.table import Call, Change, Living, Result, resize, rule


def _follow(call: Call, maps: Maps, names: tuple[str, ...], dim: int | None = None) -> Maps:
    """Meet the parameters called ``names``: along ``dim``, or along the last dimensions."""
    operands = [maps]
    for name in names:
        if call.has(name):
            parameter = call.maps(name)
            operands.append(parameter if dim is None else view_at(parameter, dim, maps.rank))
            if call[name] in call.weights:
                for d in range(parameter.rank):
                    call.role(parameter, d, "follower")
    return meet(call.tags, operands, maps.shape)


@rule("batch_norm", "instance_norm")
def _batch_norm(call: Call) -> Maps:
    return _follow(call, call.maps("input"), ("weight", "bias", "running_mean", "running_var"), 1)


@rule("layer_norm", "rms_norm", "fused_rms_norm", "_fused_rms_norm")
def _layer_norm(call: Call) -> Maps:
    return _follow(call, call.maps("input"), ("weight", "bias"))


@resize("layer_norm", "rms_norm")
def _normalized_shape(call: Call, living: Living, result: Result) -> Change:
    sizes = living(call.maps("input"))
    return {"normalized_shape": list(sizes[-len(call["normalized_shape"]) :])}


@rule("_weight_norm")
def _weight_norm(call: Call) -> Maps:
    return meet(call.tags, [call.maps("v"), call.maps("g")], call.shape)


@rule("_weight_norm_interface")
def _weight_norm_and_norm(call: Call) -> list[Maps]:
    return [meet(call.tags, [call.maps("v"), call.maps("g")], call.shapes[0]), call.maps("g")]


@rule("group_norm")
def _group_norm(call: Call) -> Maps:
    x = call.maps("input")
    groups = call["num_groups"]
    for dim in range(2, x.rank):
        x = fix(call.tags, x, dim)
    cells = view(call.tags, x, [x.shape[0], groups, x.shape[1] // groups, *x.shape[2:]])
    call.memory["groups"] = cells
    if 1 in cells.at and 2 in cells.at:
        call.tags.label(cells.at[1].tags, "groups")
        call.tags.label(cells.at[2].tags, "group width")
    x = view(call.tags, cells, x.shape)
    return _follow(call, x, ("weight", "bias"), 1)


@resize("group_norm")
def _num_groups(call: Call, living: Living, result: Result) -> Change | None:
    left = living(call.memory["groups"])[1]
    return None if left == call["num_groups"] else {"num_groups": left}


@rule("sum", "mean", "var", "std", "amax", "amin", "norm", "linalg_vector_norm", "nansum", "logsumexp", "any", "all",
      "linalg_norm", "max", "min", "prod", "count_nonzero")  # fmt: skip
def _reduce(call: Call) -> Result:
    if call.has("other"):
        return meet(call.tags, [call.maps("self"), call.maps("other")], call.shape)
    maps = call.maps("self") if "self" in call.args else call.maps("input")
    dims = call.args.get("dim")
    dims = [dims] if isinstance(dims, int) else list(dims or range(maps.rank))
    left = drop(call.tags, maps, [maps.dim(d) for d in dims], keep=bool(call.get("keepdim", False)))
    value = call.node.meta["val"]
    if isinstance(value, (list, tuple)):  # values and the places they come from
        for dim in dims:
            fix(call.tags, maps, maps.dim(dim))
        return [left for _ in value]
    return left


@rule("normalize")
def _unit(call: Call) -> Maps:
    return call.maps("self")


SPATIAL = {
    1: ("avg_pool1d", "max_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d", "upsample_nearest1d",
        "upsample_linear1d", "max_pool1d_with_indices", "_upsample_nearest_exact1d", "reflection_pad1d", "lp_pool1d",
        "replication_pad1d"),
    2: ("avg_pool2d", "max_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "upsample_nearest2d",
        "upsample_bilinear2d", "upsample_bicubic2d", "max_pool2d_with_indices", "_upsample_nearest_exact2d",
        "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "reflection_pad2d", "replication_pad2d",
        "grid_sampler", "grid_sampler_2d"),
    3: ("avg_pool3d", "max_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d", "upsample_nearest3d",
        "upsample_trilinear3d", "max_pool3d_with_indices", "_upsample_nearest_exact3d", "reflection_pad3d",
        "replication_pad3d", "grid_sampler_3d"),
}  # fmt: skip


def _spatial(count: int, call: Call) -> Result:
    """Pools, resizes and pads the last dimensions, each channel by itself."""
    name = "self" if "self" in call.args else "input"
    maps = call.maps(name)
    for dim in range(maps.rank - count, maps.rank):
        maps = fix(call.tags, maps, dim)
    value = call.node.meta["val"]
    if isinstance(value, (list, tuple)):
        return [Maps(shape, maps.at) for shape in call.shapes]
    return Maps(call.shape, maps.at)


for _count, _names in SPATIAL.items():
    rule(*_names)(lambda call, count=_count: _spatial(count, call))


@rule("pad", "constant_pad_nd")
def _pad(call: Call) -> Maps:
    maps = call.maps("self")
    amounts = np.array(call["pad"]).reshape(-1, 2)
    for place, (before, after) in enumerate(amounts):
        if before or after:
            maps = fix(call.tags, maps, maps.rank - 1 - place)
    return Maps(call.shape, maps.at)
