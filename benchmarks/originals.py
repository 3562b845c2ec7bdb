"""Trained networks that several benchmarks start from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lissom.tasks.loading import load
from lissom.workload.workload import Batch, Split, Workload


def resnet20(work: Path) -> Workload:
    """ResNet-20 on CIFAR-10, from cifar10.zip and resnet20.safetensors in ``work``."""
    return load(
        "zoo:resnet20",
        data=work / "cifar10.zip",
        weights=work / "resnet20.safetensors",
        size=32,
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.247, 0.2435, 0.2616),
    )


def resnet20_unflattered(work: Path) -> Workload:
    """The same, chosen by half of the test pictures and tested on the other half.

    The checkpoint has learnt from all training pictures, so that those which are carved off for choosing flatter it
    against whatever learns from the rest.
    """
    workload = resnet20(work)
    test = workload.splits.test
    halves = (Rows(test, tuple(range(first, len(test), 2))) for first in (0, 1))
    return replace(workload, splits=replace(workload.splits, select=next(halves), test=next(halves)))


@dataclass(frozen=True)
class Rows:
    """Some examples of a split."""

    of: Split
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """See :class:`Split`."""
        batch = self.of.take([self.rows[index] for index in indices], view=view)
        return replace(batch, indices=torch.as_tensor(list(indices)))
