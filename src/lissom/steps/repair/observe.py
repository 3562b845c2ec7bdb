"""What chosen convolutions and linear layers read and write, seen below the modules.

Operators are watched as PyTorch dispatches them and known by the memory of their weight, so it works alike for
a user's class, a GraphModule and functional calls, and nothing is hung on the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

from lissom.cost.trace import plain_attention, tensors_in
from lissom.layers.text_model import fitting, real_tokens

_ATEN = torch.ops.aten
_MATRIX = {_ATEN.addmm.default: (1, 2), _ATEN.mm.default: (0, 1)}
_VIEWS = (_ATEN.view.default, _ATEN._unsafe_view.default, _ATEN.reshape.default)
_SUMS = (_ATEN.add.Tensor, _ATEN.add_.Tensor)


@dataclass(frozen=True)
class Reading:
    """One call of one layer: what it read, what it wrote, and how a convolution walks over its input.

    ``bias`` is what the same operator adds; a layer's bias may also be added by an operator of its own, later.
    ``inputs_first`` is true for a linear layer whose weight is stored as ``(inputs, outputs)``.
    """

    read: Tensor
    written: Tensor
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    transposed: bool = False
    bias: Tensor | None = None
    inputs_first: bool = False

    @property
    def is_convolution(self) -> bool:
        """Whether this is a convolution (else it is a linear layer on ``(rows, features)``)."""
        return bool(self.stride)


def inputs_at(reading: Reading, weight: Tensor) -> int:
    """The dimension of a layer's weight that its inputs are along."""
    return 0 if reading.transposed or inputs_first(reading, weight) else 1


def without_padding(reading: Reading, real: Sequence[Tensor], *, tokens_first: bool = False) -> Tensor:
    """What a layer read; of a linear layer that reads every token, the rows alone that are no padding.

    Args:
        reading: one call.
        real: which tokens of the batch are no padding, each ``(batch, tokens)``; none for a model not of texts.
        tokens_first: it is of a layer that :func:`tokens_first` names.
    """
    read = reading.read
    mask = None if reading.is_convolution else fitting(real, read[..., 0].numel(), tokens_first=tokens_first)
    return read if mask is None else read.reshape(-1, read.shape[-1])[mask.flatten()]


def inputs_first(reading: Reading, weight: Tensor) -> bool:
    """Whether a linear layer's weight is ``(inputs, outputs)``: by its shape, where that tells."""
    if reading.is_convolution or weight.dim() != 2:
        return False
    features = reading.read.shape[-1]
    return weight.shape[0] == features and (weight.shape[1] != features or reading.inputs_first)


@dataclass(frozen=True)
class Trail:
    """What became of a layer's output: BatchNorm's factor ``(outputs,)`` and the running mean it subtracts."""

    name: str
    factor: Tensor | None = None
    mean: Tensor | None = None


@dataclass(frozen=True)
class Sum:
    """Where the output of a layer, maybe normalised, is added to something of its size: a residual stream."""

    trail: Trail
    written: Tensor


class _EnoughError(Exception):
    """Stops a forward when everything asked for has been seen."""


Seen = Callable[[str, Reading], bool]
Summed = Callable[[Sum], bool]
Elsewhere = Callable[[str, Any], None]


class _Watch(TorchDispatchMode):
    def __init__(
        self,
        names: Mapping[int, str],
        seen: Seen,
        normed: Callable[[Trail], None],
        summed: Summed,
        elsewhere: Elsewhere,
    ) -> None:
        super().__init__()
        self._names, self._seen, self._normed, self._summed = names, seen, normed, summed
        self._elsewhere = elsewhere
        self._trails = WeakIdKeyDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tracked = [self._trails[arg] for arg in args[:2] if isinstance(arg, Tensor) and arg in self._trails]
        output = func(*args, **(kwargs or {}))
        for changed in _overwritten(func, args):
            self._trails.pop(changed, None)
        enough = self._follow(func, args, kwargs, output, tracked) if tracked else False
        found = self._call(func, args, output)
        if found is not None:
            self._trails[output] = Trail(found[0])
            enough = self._seen(*found)
        for name in self._used(args, output) - ({found[0]} if found else set()):
            self._elsewhere(name, func)
        if enough:
            raise _EnoughError
        return output

    def _used(self, args: Any, output: Any) -> set[str]:
        """The watched weights that an operator makes something else of than a view."""
        places = {_memory(item) for item in tensors_in(args) if item.layout is torch.strided} & self._names.keys()
        return {self._names[place] for place in places if any(_memory(item) != place for item in tensors_in(output))}

    def _call(self, func: Any, args: Any, output: Tensor) -> tuple[str, Reading] | None:
        """The layer that this is, if it is one that is watched, and its reading."""
        if func is _ATEN.convolution.default:
            name = self._names.get(_memory(args[1]))
            walk = (tuple(args[3]), tuple(args[4]), tuple(args[5]), args[8], args[6], args[2])
            return None if name is None else (name, Reading(args[0], output, *walk))
        if func in _MATRIX:
            read, weight = _MATRIX[func]
            name = self._names.get(_memory(args[weight]))
            if name is None:
                return None
            bias = args[0] if func is _ATEN.addmm.default else None
            first = min(args[weight].shape) > 1 and args[weight].is_contiguous()
            return name, Reading(args[read], output, bias=bias, inputs_first=first)
        return None

    def _follow(self, func: Any, args: Any, kwargs: Any, output: Any, tracked: list[Trail]) -> bool:
        """Follow outputs of watched layers through BatchNorm and views into sums."""
        if func is _ATEN.native_batch_norm.default and not args[5] and args[0] in self._trails:
            trail = tracked[0]
            factor = (args[4] + args[7]).rsqrt()
            factor = factor if args[1] is None else factor * args[1]
            factor = factor if trail.factor is None else factor * trail.factor
            self._trails[output[0]] = Trail(trail.name, factor, args[3] if trail.factor is None else None)
            self._normed(self._trails[output[0]])
        elif func in _VIEWS and output.shape[-1] == args[0].shape[-1] and output.dim() != 4:
            self._trails[output] = tracked[0]
        elif func in _SUMS and isinstance(args[1], Tensor) and (kwargs or {}).get("alpha", 1) == 1:
            if args[0].shape == args[1].shape:
                enough = [self._summed(Sum(trail, output)) for trail in tracked]  # each has to be told
                return any(enough)
            if args[1].dim() == 1 and args[0].shape == output.shape:
                self._trails[output] = tracked[0]
        return False


@torch.no_grad()
def watch(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    weights: Mapping[str, Tensor],
    *,
    seen: Seen,
    normed: Callable[[Trail], None] = lambda trail: None,
    summed: Summed = lambda found: False,
    elsewhere: Elsewhere = lambda name, operator: None,
) -> None:
    """Run ``module`` on ``inputs`` and tell of the layers with these weights, while their tensors are valid.

    Args:
        module: the model, in eval mode.
        inputs: a batch of positional inputs.
        weights: name to weight tensor of the layers to watch.
        seen: told of each call; stops the forward by returning true. An operator in place may overwrite what
            it was given as soon as it returns.
        normed: told when the output of a layer went through BatchNorm.
        summed: told when it is added to something of its size; stops the forward by returning true.
        elsewhere: told when an operator that is no such layer reads a weight (a table of embeddings, maybe), and which.
    """
    names = {_memory(weight): name for name, weight in weights.items()}
    try:
        with plain_attention(), _Watch(names, seen, normed, summed, elsewhere):
            module(*inputs)
    except _EnoughError:
        pass


def observe(
    module: nn.Module, inputs: tuple[Tensor, ...], weights: Mapping[str, Tensor], *, until_all: bool = True
) -> dict[str, list[Reading]]:
    """Run ``module`` on ``inputs`` and give what the layers with these weights read and wrote.

    Args:
        module: the model, in eval mode.
        inputs: a batch of positional inputs.
        weights: name to weight tensor of the layers to watch.
        until_all: stop as soon as each has been seen once; a layer called again is then seen once only.

    Returns:
        Name to its calls, in the order of first calls; layers that were not called are missing.
    """
    found: dict[str, list[Reading]] = {}

    def seen(name: str, reading: Reading) -> bool:
        found.setdefault(name, []).append(reading)
        return until_all and len(found) == len(weights)

    watch(module, inputs, weights, seen=seen)
    return found


def tokens_first(module: nn.Module, inputs: tuple[Tensor, ...], weights: Mapping[str, Tensor]) -> set[str]:
    """Those of the linear layers that read the first tokens of all texts, then the second ones, and so on.

    So ``nn.MultiheadAttention`` reads; others read one text after the other. It shows where two texts change places.

    Args:
        module: the model, in eval mode.
        inputs: a batch, of which two examples are looked at.
        weights: name to weight tensor of the layers.
    """
    pair = tuple(tensor[:2] for tensor in inputs)
    if not real_tokens(module, pair) or len(pair[0]) < 2:
        return set()
    one, other = (observe(module, given, weights, until_all=False) for given in (pair, _swapped(pair)))
    return {
        name
        for name, calls in one.items()
        if not calls[0].is_convolution and _is_by_token(calls[0].read, other[name][0].read)
    }


def _swapped(pair: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(tensor.flip(0) for tensor in pair)


def _is_by_token(one: Tensor, other: Tensor) -> bool:
    """Whether rows of two texts, and of the same two exchanged, lie side by side and not behind one another."""
    rows, swapped = (read.reshape(-1, read.shape[-1]) for read in (one, other))
    if len(rows) % 2:
        return False
    by_token = rows.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
    by_text = rows.unflatten(0, (2, -1)).flip(0).flatten(0, 1)
    return float((swapped - by_token).norm()) < 0.1 * float((swapped - by_text).norm())


def _overwritten(func: Any, args: Any) -> list[Tensor]:
    """What an operator in place was given and has changed."""
    if not func._schema.is_mutable:
        return []
    named = zip(args, func._schema.arguments, strict=False)
    return [arg for arg, said in named if isinstance(arg, Tensor) and said.alias_info and said.alias_info.is_write]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
