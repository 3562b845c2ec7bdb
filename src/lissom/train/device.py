"""Where training runs: a GPU with mixed precision where there is one, else the processor."""

import contextlib
from dataclasses import dataclass

import torch

from lissom.workload.workload import Batch


@dataclass(frozen=True)
class Device:
    """A device and whether to compute in bfloat16 where that is safe."""

    name: str
    mixed: bool

    def send(self, batch: Batch) -> Batch:
        """The batch on this device."""
        inputs = tuple(tensor.to(self.name, non_blocking=True) for tensor in batch.inputs)
        targets = None if batch.targets is None else batch.targets.to(self.name, non_blocking=True)
        return Batch(inputs, targets, batch.indices)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision, or nothing."""
        if not self.mixed:
            return contextlib.nullcontext()
        return torch.autocast(self.name, dtype=torch.bfloat16)


def best_device() -> Device:
    """The first GPU, else the processor."""
    if torch.cuda.is_available():
        return Device("cuda", mixed=torch.cuda.is_bf16_supported())
    return Device("cpu", mixed=False)
