"""Trained networks that several benchmarks start from."""

from pathlib import Path

from lissom.tasks.loading import load
from lissom.workload.workload import Workload


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
