"""What a model costs as the plan sees it: as it costs when it is cut."""

import pytest
import torch
from torch import Tensor, nn

from lissom.cost import profile
from lissom.engine.sensitivity import cost_model, coupled
from lissom.graph import Coupling
from lissom.plan.allocation import CostModel
from lissom.steps.pruning.prune import without
from lissom.testing import tiny_workload
from lissom.workload.workload import Workload


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def costs(workload: Workload, coupling: Coupling) -> CostModel:
    groups = [
        {"index": group.index, "name": group.name, "least": group.min_units, "importance": [1.0] * group.units}
        for group in coupling.groups
    ]
    return cost_model(workload, coupling, {"groups": groups}, multiple=1)


def check(model: nn.Module, *, overlapping: bool) -> None:
    """Half of every group is as small as half of every group was said to be."""
    workload = tiny_workload(model.eval())
    coupling = coupled(workload)
    assert any(group.overlaps for group in coupling.groups) == overlapping
    found = costs(workload, coupling)
    halves = {group.index: group.units // 2 for group in coupling.groups}
    cut = without(workload, {group.index: tuple(range(halves[group.index])) for group in coupling.groups})
    for made, widths in ((workload, found.full), (cut, halves)):
        counted = profile(made.module, made.example)
        assert found.cost("parameters", widths) == pytest.approx(counted.parameters, rel=1e-6)
        assert found.cost("macs", widths) == pytest.approx(counted.macs, rel=1e-6)


class Tied(nn.Module):
    """Two layers with one weight, which a group of units narrows on both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(192, 8)
        self.one, self.other, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.other.weight = self.one.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.other(torch.relu(self.one(torch.relu(self.stem(x.flatten(1))))))))


def test_tied_weights_are_counted_once_and_shrink() -> None:
    check(Tied(), overlapping=False)


class Attention(nn.Module):
    """Attention over the rows of a picture; ``macs`` are those of products with weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.qkv, self.out, self.head = (nn.Linear(*s) for s in ((24, 16), (16, 48), (16, 16), (16, 4)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.transpose(1, 2).flatten(2))
        q, k, v = self.qkv(x).reshape(-1, 8, 3, 4, 4).permute(2, 0, 3, 1, 4)
        x = (q @ k.transpose(2, 3)).softmax(-1) @ v
        return self.head(self.out(x.transpose(1, 2).flatten(2)).mean(1))


def test_heads_and_their_sizes_multiply() -> None:
    check(Attention(), overlapping=True)


def test_groups_of_a_convolution_and_their_widths_multiply() -> None:
    stem, grouped, last = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, groups=4), nn.Conv2d(16, 4, 6)
    check(nn.Sequential(stem, nn.ReLU(), grouped, nn.ReLU(), last, nn.Flatten()), overlapping=True)
