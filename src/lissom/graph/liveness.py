"""Run a model while following which elements are alive, without any knowledge of how the cut was found.

Beside every tensor that has dead elements runs one of zeros and ones; layout operators act on both, contractions
count living products, statistics are taken over living elements only, and dead elements are zero. Part of the
verifier: it shares no code with the coupling analysis.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

Tensor = torch.Tensor
aten = torch.ops.aten


class UnknownOperatorError(Exception):
    """An operator met dead elements and nobody has said what that means."""


class MisalignedError(Exception):
    """Something alive meets something dead where both should have been kept or removed."""


class Alive(TorchDispatchMode):
    """Follow liveness through everything that runs inside the context."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self.free: WeakIdKeyDictionary = WeakIdKeyDictionary()

    def of(self, tensor: Tensor) -> Tensor:
        """Ones where the elements of a tensor live, zeros elsewhere."""
        found = self.alive.get(tensor)
        return torch.ones_like(tensor, dtype=torch.float32) if found is None else found

    def mark(self, tensor: Tensor, alive: Tensor) -> None:
        """Say which elements of a tensor live."""
        self.alive[tensor] = alive

    def strict(self, tensor: Tensor) -> bool:
        """Whether it matters which elements of a tensor live: not for one that was filled with a constant."""
        return tensor not in self.free

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        tensors = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        if not any(t in self.alive for t in tensors):
            result = func(*args, **kwargs)
            if name in FILLS or (tensors and all(t in self.free for t in tensors)):
                self._set_free(result)
            return result
        rule = OPERATORS.get(name)
        if rule is not None:
            return rule(self, func, args, kwargs)
        if func.is_view:
            return _moved(self, func, args, kwargs)
        if torch.Tag.pointwise in func.tags:
            return _pointwise(self, func, args, kwargs)
        raise UnknownOperatorError(name)

    def _set_free(self, result: Any) -> None:
        for tensor in pytree.tree_leaves(result):
            if isinstance(tensor, Tensor):
                self.free[tensor] = True


FILLS = {"zeros", "ones", "full", "new_zeros", "new_ones", "new_full", "zeros_like", "ones_like", "full_like"}
Handler = Callable[[Alive, Any, Any, Any], Any]
OPERATORS: dict[str, Handler] = {}


def operators(*names: str) -> Callable[[Handler], Handler]:
    def add(handler: Handler) -> Handler:
        OPERATORS.update(dict.fromkeys(names, handler))
        return handler

    return add


def _lives(mode: Alive, values: Any) -> Any:
    """The arguments with every tensor replaced by its liveness."""
    return pytree.tree_map(lambda v: mode.of(v) if isinstance(v, Tensor) else v, values)


def _mark_all(mode: Alive, results: Any, alive: Any) -> None:
    for one, two in zip(pytree.tree_leaves(results), pytree.tree_leaves(alive), strict=True):
        if isinstance(one, Tensor):
            mode.mark(one, two)


def agree(func: Any, met: Tensor, *parts: Tensor) -> None:
    """Raise when a part is alive where nothing of it survives the meeting with the others.

    Along a dimension that a part was expanded to it is one number, and says nothing.
    """
    for part in parts:
        one = part[tuple(slice(1) if step == 0 else slice(None) for step in part.stride())]
        wide = one.reshape(*[1] * (met.dim() - one.dim()), *one.shape)
        dims = [d for d in range(met.dim()) if wide.shape[d] < met.shape[d]]
        seen = met.amax(dims, keepdim=True) if dims else met
        if not torch.equal((seen > 0).expand(wide.shape), wide > 0):
            raise MisalignedError(f"{func.overloadpacket.__name__}: one operand keeps what the other has lost")


def done(mode: Alive, result: Tensor, alive: Tensor) -> Tensor:
    """Zero what is dead and remember it; what lives as a whole need not be followed any further."""
    living = alive > 0
    if bool(living.all()):
        return result
    if result.is_floating_point():
        result = torch.where(living, result, torch.zeros_like(result))
    mode.mark(result, living.to(torch.float32))
    return result


@operators(
    "cat", "stack", "clone", "_to_copy", "repeat", "roll", "flip", "contiguous",
    "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d", "pixel_shuffle",
    "pixel_unshuffle", "native_channel_shuffle", "channel_shuffle", "unfold_copy", "lift_fresh_copy",
    "lift_fresh", "triu", "tril", "_unsafe_view", "view", "_reshape_alias", "repeat_interleave",
    "replication_pad3d", "upsample_nearest2d", "upsample_nearest1d", "_upsample_nearest_exact2d", "unbind",
    "split", "split_with_sizes", "unsafe_split", "unsafe_chunk", "_reshape_copy", "detach", "alias",
    "slice_scatter", "select_scatter",
)  # fmt: skip
def _moved(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """The elements stay what they are: the same operator moves their liveness."""
    result = func(*args, **kwargs)
    kwargs = {k: v for k, v in kwargs.items() if k not in ("dtype", "layout", "device", "pin_memory", "non_blocking")}
    lives = _lives(mode, args)
    alive = lives[0].clone() if func.overloadpacket.__name__ == "_to_copy" else func(*lives, **kwargs)
    _mark_all(mode, result, alive)
    return result


def _pointwise(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """An element lives when all that it is made from lives."""
    tensors = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
    inplace = func._schema.is_mutable
    lives = [mode.of(t) for t in tensors]
    result = func(*args, **kwargs)
    alive = torch.ones((), dtype=torch.float32)
    for live in lives:
        alive = alive * live
    alive = alive.expand(result.shape)
    tracked = [mode.of(t) for t in tensors if t in mode.alive and t.is_floating_point() and mode.strict(t)]
    if len(tracked) > 1:
        agree(func, alive, *tracked)
    if not inplace:
        return done(mode, result, alive.contiguous())
    target = args[0]
    mode.free.pop(target, None)
    if target not in mode.alive:
        mode.mark(target, torch.ones_like(target, dtype=torch.float32))
    if func.overloadpacket.__name__ == "copy_":
        alive = lives[1].expand(target.shape)
    mode.alive[target].copy_(alive)
    if target.is_floating_point():
        target.mul_((alive > 0).to(target.dtype))
    return target


OPERATORS["copy_"] = OPERATORS["fill_"] = OPERATORS["zero_"] = OPERATORS["masked_fill"] = _pointwise
for _name in (
    "hardswish",
    "hardsigmoid",
    "hardtanh",
    "relu6",
    "elu",
    "selu",
    "celu",
    "mish",
    "silu",
    "leaky_relu",
):
    OPERATORS[_name] = OPERATORS[_name + "_"] = _pointwise
OPERATORS["where"] = OPERATORS["masked_fill_"] = OPERATORS["_prelu_kernel"] = _pointwise


def with_parameters(func: Any, mode: Alive, alive: Tensor, state: Iterable[Tensor | None], rank: int = 0) -> Tensor:
    """What is alive of activations after they met their parameters (vectors of channels, if ``rank`` is given)."""
    given = [mode.of(p) for p in state if p is not None]
    parts = [p.reshape(1, -1, *[1] * (rank - 2)) if rank else p for p in given]
    met = alive
    for part in parts:
        met = met * part
    agree(func, met, alive, *parts)
    return met


@operators(
    "convolution", "mm", "bmm", "addmm", "baddbmm", "convolution_overrideable", "mv", "dot", "vdot", "addmv", "addbmm"
)
def _contracted(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """A sum of products lives when any of the products does (a bias alone does not make it live).

    What lives in one factor must meet what lives in the other: both counts of summands must be equal.
    """
    result = func(*args, **kwargs)
    name = func.overloadpacket.__name__
    one, two = args[1:3] if name in PRODUCTS else args[:2]
    multiply, first, second = _counting(func, args, mode.of(one), mode.of(two))
    living = multiply(first, second)
    all_first, all_second = multiply(first, torch.ones_like(second)), multiply(torch.ones_like(first), second)
    there = living > 0
    if (mode.strict(one) and not torch.equal(living[there], all_first[there])) or (
        mode.strict(two) and not torch.equal(living[there], all_second[there])
    ):
        raise MisalignedError(f"{name}: one factor keeps what the other has lost")
    alike = torch.ones_like(first), torch.ones_like(second)
    empty = (all_first == 0) & (all_second == 0) & (multiply(*alike) == 0)
    alive = (there | empty).to(torch.float32).expand(result.shape)
    bias = args[2] if name == "convolution" else args[0] if name in PRODUCTS else None
    if bias is not None and bias in mode.alive:
        alive = with_parameters(func, mode, alive, [bias], args[0].dim() if name == "convolution" else 0)
    return done(mode, result, alive)


PRODUCTS: dict[str, Any] = {"addmm": aten.mm, "baddbmm": aten.bmm, "addmv": aten.mv}
FREE_ROWS = {"mm": (0, 1), "addmm": (0, 1), "bmm": (1, 2), "baddbmm": (1, 2)}
Multiply = Callable[[Tensor, Tensor], Tensor]


def _counting(func: Any, args: Any, first: Tensor, second: Tensor) -> tuple[Multiply, Tensor, Tensor]:
    """How to count living products, and the liveness to do it with: short where nothing varies."""
    name = func.overloadpacket.__name__
    if name == "convolution":
        space = range(first.dim() - second.dim() + 2, first.dim())
        if _even(first, space) and _even(second, range(2, second.dim())):
            first, second = _short(first, space), _short(second, range(2, second.dim()))
            ones, zeros = [1] * len(space), [0] * len(space)
            return lambda x, w: func(x, w, None, ones, zeros, ones, args[6], zeros, args[8]), first, second
        return lambda x, w: func(x, w, None, *args[3:]), first, second
    if name in FREE_ROWS:
        row, column = FREE_ROWS[name]
        first = _short(first, [row]) if _even(first, [row]) else first
        second = _short(second, [column]) if _even(second, [column]) else second
    return PRODUCTS.get(name, func), first, second


def _even(alive: Tensor, dims: Iterable[int]) -> bool:
    """Whether liveness is the same everywhere along some dimensions."""
    dims = list(dims)
    return alive.numel() > 0 and torch.equal(alive.amin(dims), alive.amax(dims))


def _short(alive: Tensor, dims: Iterable[int]) -> Tensor:
    for dim in dims:
        alive = alive.narrow(dim, 0, 1)
    return alive.contiguous()


@operators("constant_pad_nd")
def _padded(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Padding is alive where anything on its line is."""
    x, amounts = args[:2]
    alive = mode.of(x)
    dims = [x.dim() - 1 - i // 2 for i in range(0, len(amounts), 2) if amounts[i] or amounts[i + 1]]
    inside, there = func(alive, amounts), func(torch.ones_like(alive), amounts)
    line = alive.amax(dims, keepdim=True) if dims else alive
    return done(mode, func(*args, **kwargs), torch.where(there > 0, inside, line.expand(inside.shape)))


@operators("im2col")
def _unfolded(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Every place of a window, padding too, is alive where its channel is."""
    result, alive = func(*args, **kwargs), mode.of(args[0]).amin((-2, -1))
    alive = alive.repeat_interleave(result.shape[-2] // alive.shape[-1], -1)
    return done(mode, result, alive.unsqueeze(-1).expand(result.shape))


@operators("col2im")
def _folded(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """A channel lives with all the places of its windows, or dies with them."""
    result = func(*args, **kwargs)
    alive = mode.of(args[0]).unflatten(-2, (result.shape[-3], -1)).flatten(-2)
    if not torch.equal(alive.amax(-1), alive.amin(-1)):
        raise UnknownOperatorError("col2im of windows of which only a part is alive")
    return done(mode, result, alive[..., :1, None].expand(result.shape))


@operators("glu")
def _glu(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    first, second = mode.of(args[0]).chunk(2, args[1] if len(args) > 1 else -1)
    return done(mode, func(*args, **kwargs), first * second)


@operators("embedding")
def _embedding(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    result = func(*args, **kwargs)
    return done(mode, result, func(mode.of(args[0]), args[1]))


@operators("index", "gather", "index_select")
def _indexed(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    result = func(*args, **kwargs)
    return done(mode, result, func(mode.of(args[0]), *args[1:], **kwargs))


@operators("avg_pool2d", "avg_pool1d", "avg_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices",
           "_adaptive_avg_pool2d", "_adaptive_avg_pool3d", "adaptive_avg_pool1d", "adaptive_max_pool2d",
           "upsample_bilinear2d", "upsample_bicubic2d", "max_pool2d", "mkldnn_max_pool2d", "upsample_linear1d",
           "upsample_trilinear3d", "adaptive_avg_pool2d", "grid_sampler_2d", "_upsample_bilinear2d_aa",
           "_upsample_bicubic2d_aa", "adaptive_max_pool3d", "mkldnn_max_pool3d", "max_pool1d")  # fmt: skip
def _pooled(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Each channel by itself: it lives or not as a whole."""
    x = args[0]
    result = func(*args, **kwargs)
    first = result[0] if isinstance(result, tuple) else result
    space = [d for d in range(x.dim()) if x.shape[d] != first.shape[d]]
    space = sorted({*space, *range(2 if x.dim() > 3 else x.dim() - 1, x.dim())})
    alive = mode.of(x).amin(space, keepdim=True).expand(first.shape).contiguous()
    first = done(mode, first, alive)
    return (first, *result[1:]) if isinstance(result, tuple) else first


@operators("new_zeros", "zeros_like", "ones_like", "full_like", "new_ones", "new_full", "new_empty", "empty_like",
           "rand_like", "bernoulli", "_local_scalar_dense", "is_same_size", "arange", "new_empty_strided",
           "_is_all_true", "equal")  # fmt: skip
def _made(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Made to the measure of another tensor; all alive."""
    result = func(*args, **kwargs)
    if func.overloadpacket.__name__ in FILLS:
        mode.free[result] = True
    return result


@operators("t_", "transpose_", "squeeze_", "unsqueeze_", "swapaxes_", "swapdims_")
def _turned(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    """Layout changed in place: so is the liveness."""
    func(mode.alive[args[0]], *args[1:], **kwargs)
    return func(*args, **kwargs)


@operators("native_dropout", "dropout", "as_strided_", "_assert_async")
def _dropout(mode: Alive, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*args, **kwargs)
