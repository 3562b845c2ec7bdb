"""What every criterion gives, and the slices of parameters that belong to a unit."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lissom.core.progress import Progress
from lissom.graph import Coupling, Group, Member
from lissom.workload.workload import Batch, Workload, calibration_batches

Importance = dict[int, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Sample:
    """What a criterion may look at: ``examples`` of the training split, ``batch`` at a time.

    ``seed`` decides which, and what else is drawn. Smaller batches make derivatives steadier, larger ones are faster.
    """

    examples: int = 1024
    batch: int = 16
    seed: int = 0
    progress: Progress = field(default_factory=lambda: Progress(False))

    def batches(self, workload: Workload, what: str) -> Iterator[Batch]:
        """The batches, behind a bar that says ``what`` is looked for."""
        taken = calibration_batches(workload.splits.train, examples=self.examples, batch=self.batch, seed=self.seed)
        return self.progress.track(taken, what)


class Criterion(Protocol):
    """How much each unit of each group matters: ``(units,)`` for each group's index.

    Criteria that look at weights alone look at no examples.
    """

    def __call__(self, workload: Workload, coupling: Coupling, sample: Sample) -> Importance: ...


def makers(group: Group, tensors: Mapping[str, Tensor]) -> list[Member]:
    """The members that make the units; where no parameter does (an input's channels), those that read them."""
    made = [member for member in group.producers if member.name in tensors]
    return made or [member for member in group.consumers if member.name in tensors]


def readers(group: Group) -> list[Member]:
    """The members that read the units: the consumers, or where there are none the producers."""
    return list(group.consumers or group.producers)


def summed(member: Member, tensor: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """The sum of ``reduce`` of the entries that belong to each unit, ``(units,)``, float64."""
    others = [dim for dim in range(tensor.dim()) if dim != member.dim]
    values = reduce(tensor.detach().float())
    along = values.sum(others, dtype=torch.float64) if others else values.double()
    return along[torch.as_tensor(member.indices)].sum(1)


def rows(member: Member, tensor: Tensor) -> Tensor:
    """The entries that belong to each unit, ``(units, entries)``."""
    first = tensor.detach().float().movedim(member.dim, 0)
    return first.reshape(len(first), -1)[torch.as_tensor(member.indices)].flatten(1)
