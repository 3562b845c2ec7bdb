"""Liveness through statistics: normalisation, reduction and soft maximum see living elements only."""

from collections.abc import Iterable
from typing import Any

import torch

from lissom.graph.liveness import Alive, Tensor, UnknownOperatorError, agree, done, operators, with_parameters


def _per_channel(tensor: Tensor | None, rank: int) -> Tensor | None:
    return None if tensor is None else tensor.reshape(1, -1, *[1] * (rank - 2))


def _dims(dims: Any, rank: int) -> list[int]:
    if dims is None or (isinstance(dims, (list, tuple)) and not len(dims)):
        return list(range(rank))
    return [d % rank for d in ([dims] if isinstance(dims, int) else dims)]


def _moments(x: Tensor, alive: Tensor, dims: Iterable[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance over living elements, and how many there are; dimensions are kept."""
    dims = list(dims)
    count = alive.sum(dims, keepdim=True)
    safe = count.clamp_min(1)
    mean = (x * alive).sum(dims, keepdim=True) / safe
    var = (((x - mean) * alive) ** 2).sum(dims, keepdim=True) / safe
    return mean, var, count


def _affine(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


@operators("native_layer_norm", "layer_norm")
def _layer_norm(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    x, shape, weight, bias, eps = args[:5]
    alive = mode.of(x)
    mean, var, _ = _moments(x, alive, range(x.dim() - len(shape), x.dim()))
    result = _affine((x - mean) / torch.sqrt(var + eps), weight, bias)
    return done(mode, result, with_parameters(func, mode, alive, [weight, bias])), mean, var


@operators("_fused_rms_norm")
def _rms_norm(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    x, shape, weight, eps = args[:4]
    alive = mode.of(x)
    dims = list(range(x.dim() - len(shape), x.dim()))
    square = (x * alive).square().sum(dims, keepdim=True) / alive.sum(dims, keepdim=True).clamp_min(1)
    scale = torch.rsqrt(square + (torch.finfo(x.dtype).eps if eps is None else eps))
    result = x * scale if weight is None else x * scale * weight
    return done(mode, result, with_parameters(func, mode, alive, [weight])), scale


@operators("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm",
           "_native_batch_norm_legit_functional", "_batch_norm_with_update", "native_batch_norm_legit",
           "_batch_norm_no_update")  # fmt: skip
def _batch_norm(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    names = [a.name for a in func._schema.arguments]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    x, rank = given["input"], given["input"].dim()
    alive = mode.of(x)
    mean, var = (_per_channel(given.get(k), rank) for k in ("running_mean", "running_var"))
    if given.get("training", False) or mean is None or var is None:
        mean, var, _ = _moments(x, alive, [d for d in range(rank) if d != 1])
    weight, bias = (_per_channel(given.get(k), rank) for k in ("weight", "bias"))
    result = _affine((x - mean) / torch.sqrt(var + given["eps"]), weight, bias)
    state = [given.get(key) for key in ("weight", "bias", "running_mean", "running_var")]
    alive = with_parameters(func, mode, alive, state, rank)
    return done(mode, result, alive), x.new_zeros(0), x.new_zeros(0)


@operators("native_group_norm")
def _group_norm(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    x, weight, bias, _, _, _, groups, eps = args
    alive = mode.of(x)
    flat, live = (t.reshape(x.shape[0], groups, -1) for t in (x, alive))
    mean, var, _ = _moments(flat, live, [2])
    result = ((flat - mean) / torch.sqrt(var + eps)).reshape(x.shape)
    result = _affine(result, _per_channel(weight, x.dim()), _per_channel(bias, x.dim()))
    alive = with_parameters(func, mode, alive, [weight, bias], x.dim())
    return done(mode, result, alive), mean, var


@operators(
    "sum",
    "mean",
    "var",
    "std",
    "var_mean",
    "amax",
    "amin",
    "max",
    "min",
    "linalg_vector_norm",
    "norm",
    "any",
    "all",
    "logsumexp",
)
def _reduced(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Statistics over what lives; a result lives when anything that it is made from does."""
    names = [a.name for a in func._schema.arguments]
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    x = given["self"]
    alive = mode.of(x)
    dims = _dims(given.get("dim"), x.dim())
    keep = bool(given.get("keepdim", False))
    left = alive.amax(dims, keepdim=keep)
    name = func.overloadpacket.__name__
    if name in ("var", "std", "var_mean"):
        mean, var, count = _moments(x, alive, dims)
        correction = given.get("correction", 1)
        correction = (
            (1 if given.get("unbiased", True) else 0) if correction is None or "unbiased" in given else correction
        )
        var = var * count / (count - correction).clamp_min(1)
        var, mean = (t if keep else t.squeeze(dims) for t in (var, mean))
        if name == "var_mean":
            return done(mode, var, left), done(mode, mean, left)
        return done(mode, var if name == "var" else var.sqrt(), left)
    if name == "mean":
        mean = _moments(x, alive, dims)[0]
        return done(mode, mean if keep else mean.squeeze(dims), left)
    fill = {"amax": -torch.inf, "amin": torch.inf, "all": True, "logsumexp": -torch.inf, "max": -torch.inf,
            "min": torch.inf}.get(name, 0)  # fmt: skip
    result = func(torch.where(alive > 0, x, torch.full_like(x, fill)), *args[1:], **kwargs)
    if isinstance(result, Tensor):
        return done(mode, result, left)
    values, places = result
    return done(mode, values, left), places


@operators("_weight_norm_interface")
def _weight_norm(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Directions and lengths; what is dead in a direction is zero and adds nothing to its norm."""
    weight, norm = func(*args, **kwargs)
    direction, length = (mode.of(tensor) for tensor in args[:2])
    alive = direction * length
    agree(func, alive, direction, length)
    return done(mode, weight, alive), norm


@operators("_softmax", "_log_softmax", "cumsum", "cumprod", "sort", "topk", "_safe_softmax", "softmax")
def _along(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Only whole rows may be dead along a dimension that is soft-maxed or summed up."""
    x, names = args[0], [a.name for a in func._schema.arguments]
    dim = {**dict(zip(names, args, strict=False)), **kwargs}.get("dim", -1)
    alive = mode.of(x)
    if not torch.equal(alive.amax(dim), alive.amin(dim)):
        raise UnknownOperatorError(f"{func.overloadpacket.__name__} along a dimension of which only a part is alive")
    result = func(*args, **kwargs)
    return done(mode, result, alive) if isinstance(result, Tensor) else result
