"""What chosen convolutions and linear layers read and write, seen below the modules.

Operators are watched as PyTorch dispatches them and known by the memory of their weight, so it works alike for
a user's class, a GraphModule and functional calls, and nothing is hung on the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

_MATRIX = {torch.ops.aten.addmm.default: (1, 2), torch.ops.aten.mm.default: (0, 1)}
_CONVOLUTION = torch.ops.aten.convolution.default


@dataclass(frozen=True)
class Reading:
    """One call of one layer: what it read, what it wrote, and how a convolution walks over its input."""

    read: Tensor
    written: Tensor
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    transposed: bool = False

    @property
    def is_convolution(self) -> bool:
        """Whether this is a convolution (else it is a linear layer on ``(rows, features)``)."""
        return bool(self.stride)


class _EnoughError(Exception):
    """Stops a forward when everything asked for has been seen."""


class _Watch(TorchDispatchMode):
    def __init__(self, names: Mapping[int, str], seen: Callable[[str, Reading], bool]) -> None:
        super().__init__()
        self._names, self._seen = names, seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        reading: Reading | None = None
        name = None
        if func is _CONVOLUTION:
            name = self._names.get(_memory(args[1]))
            if name is not None:
                stride, padding, dilation, transposed = args[3], args[4], args[5], args[6]
                reading = Reading(args[0], output, tuple(stride), tuple(padding), tuple(dilation), args[8], transposed)
        elif func in _MATRIX:
            read, weight = _MATRIX[func]
            name = self._names.get(_memory(args[weight]))
            if name is not None:
                reading = Reading(args[read], output)
        if reading is not None and name is not None and self._seen(name, reading):
            raise _EnoughError
        return output


@torch.no_grad()
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

    names = {_memory(weight): name for name, weight in weights.items()}
    try:
        with _Watch(names, seen):
            module(*inputs)
    except _EnoughError:
        pass
    return found


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
