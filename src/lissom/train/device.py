"""Where training runs: a GPU with mixed precision where there is one, else the processor."""

import contextlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.workload.workload import Batch


@dataclass(frozen=True)
class Device:
    """A device and whether to compute in bfloat16 where that is safe."""

    name: str
    mixed: bool

    def place(self, module: nn.Module) -> nn.Module:
        """The model on this device, with pictures' channels last: narrow convolutions learn faster so."""
        module = module.to(self.name)
        pictures = any(isinstance(layer, nn.Conv2d) for layer in module.modules())
        return module.to(memory_format=torch.channels_last) if pictures else module  # pyright: ignore[reportCallIssue]

    def bring_back(self, module: nn.Module) -> nn.Module:
        """The model on the processor with the usual order of dimensions."""
        return module.cpu().to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]

    def send(self, batch: Batch) -> Batch:
        """The batch on this device."""
        inputs = tuple(_placed(tensor, self.name) for tensor in batch.inputs)
        targets = None if batch.targets is None else batch.targets.to(self.name, non_blocking=True)
        return Batch(inputs, targets, batch.indices)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision, or nothing."""
        if not self.mixed:
            return contextlib.nullcontext()
        return torch.autocast(self.name, dtype=torch.bfloat16)


def _placed(tensor: Tensor, device: str) -> Tensor:
    if tensor.dim() == 4:
        return tensor.to(device, non_blocking=True, memory_format=torch.channels_last)
    return tensor.to(device, non_blocking=True)


def best_device() -> Device:
    """The first GPU, else the processor."""
    if torch.cuda.is_available():
        return Device("cuda", mixed=torch.cuda.is_bf16_supported())
    return Device("cpu", mixed=False)
