"""Where training runs: a GPU with mixed precision where there is one, else the processor."""

import contextlib
import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lissom.workload.workload import Batch, Split

_PICTURES = 4  # dimensions


@dataclass(frozen=True)
class Device:
    """A device, whether to compute in bfloat16 where that is safe, and whether pictures have their channels last.

    Narrow convolutions learn faster so.
    """

    name: str
    mixed: bool
    channels_last: bool = True

    def suited(self, module: nn.Module, split: Split) -> "Device":
        """This device, or one that keeps the usual order of dimensions for a module that needs it.

        Whoever makes a row of a map with ``view`` does: it is tried on an example.
        """
        pictures = any(parameter.dim() == _PICTURES for parameter in module.parameters())
        if not (pictures and self.channels_last):
            return replace(self, channels_last=False)
        try:
            with torch.no_grad(), self.autocast():
                self.place(copy.deepcopy(module).eval())(*self.send(split.take([0])).inputs)
        except RuntimeError:
            return replace(self, channels_last=False)
        return self

    def place(self, module: nn.Module) -> nn.Module:
        """The model on this device."""
        module = module.to(self.name)
        for parameter in module.parameters() if self.channels_last else ():
            if parameter.dim() == _PICTURES:
                parameter.data = parameter.data.to(memory_format=torch.channels_last)
        return module

    def bring_back(self, module: nn.Module) -> nn.Module:
        """The model on the processor with the usual order of dimensions."""
        return module.cpu().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]

    def send(self, batch: Batch) -> Batch:
        """The batch on this device."""
        inputs = tuple(self._sent(tensor) for tensor in batch.inputs)
        targets = None if batch.targets is None else batch.targets.to(self.name, non_blocking=True)
        return Batch(inputs, targets, batch.indices)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision, or nothing."""
        if not self.mixed:
            return contextlib.nullcontext()
        return torch.autocast(self.name, dtype=torch.bfloat16)

    def _sent(self, tensor: Tensor) -> Tensor:
        if self.channels_last and tensor.dim() == _PICTURES:
            return tensor.to(self.name, non_blocking=True, memory_format=torch.channels_last)
        return tensor.to(self.name, non_blocking=True)


def in_usual_order(inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Inputs that were sent for one module, for another that may need the usual order of dimensions."""
    return tuple(tensor.contiguous() for tensor in inputs)


def best_device() -> Device:
    """The first GPU, else the processor."""
    if torch.cuda.is_available():
        return Device("cuda", mixed=torch.cuda.is_bf16_supported())
    return Device("cpu", mixed=False)
