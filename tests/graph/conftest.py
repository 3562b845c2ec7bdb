"""Small networks of every kind, and what each test does with them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import nn

from lissom.graph import Coupling, Pruned, capture, couple, prune, verify
from lissom.graph.verification import Verification

torch.set_num_threads(1)
settings.register_profile("graph", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("graph")


def random_removal(coupling: Coupling, ratio: float = 0.5, seed: int = 0) -> dict[int, list[int]]:
    """A random part of every group."""
    rng = np.random.default_rng(seed)
    counts = {g.index: min(int(g.units * ratio), g.units - g.min_units) for g in coupling.groups}
    return {g.index: sorted(rng.choice(g.units, counts[g.index], replace=False).tolist()) for g in coupling.groups}


def cut_randomly(
    model: nn.Module, *args: Any, ratio: float = 0.5, seed: int = 0, keep: tuple[str, ...] = (), **kwargs: Any
) -> tuple[Pruned, Verification, Coupling]:
    """Capture, couple, remove random units, prune and verify."""
    coupling = couple(capture(model, args, kwargs), keep=keep)
    cut = coupling.cut(random_removal(coupling, ratio, seed))
    pruned = prune(model, cut, coupling=coupling)
    return pruned, verify(model, pruned.module, cut, args, kwargs), coupling


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.fixture
def cutting() -> Callable[..., tuple[Pruned, Verification, Coupling]]:
    return cut_randomly


@pytest.fixture
def removal() -> Callable[..., dict[int, list[int]]]:
    return random_removal


@pytest.fixture
def count() -> Callable[[nn.Module], int]:
    return parameters


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)


class Block(nn.Module):
    """A residual block with a projection."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(outside)
        self.short = nn.Conv2d(inside, outside, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))) + self.short(x))


class Small(nn.Module):
    """A residual network for 3 x 8 x 8 pictures and ten classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.body = nn.Sequential(Block(8, 12), Block(12, 16))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.max_pool2d(self.body(self.stem(x)), 2)
        return self.head(self.drop(x.flatten(1)))


@pytest.fixture
def small() -> nn.Module:
    return Small()


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.randn(1, 3, 8, 8)
