"""ncnn's converter is a process of its own that tells every pass; users see none of it."""

from pathlib import Path

import pytest
import torch

from lissom.targets.ncnn_net import Ncnn
from lissom.targets.parity import check_parity
from lissom.testing import tiny_workload


@pytest.fixture
def target() -> Ncnn:
    made = Ncnn()
    if missing := made.missing():
        pytest.skip(missing)
    torch.set_num_threads(1)
    return made


def test_converting_is_quiet(target: Ncnn, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    workload = tiny_workload()
    capfd.readouterr()
    target.export(workload.module, workload.example, target.place(tmp_path, "model"))
    assert capfd.readouterr() == ("", "")


def test_layers_without_names_are_converted(target: Ncnn, tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()).eval()
    inputs = torch.randn(1, 3, 8, 8)
    made = target.export(module, (inputs,), target.place(tmp_path, "model"))
    check_parity(module, target, made, [inputs.numpy()])


class Averaged(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.first(inputs).mean((2, 3))


def test_a_layer_that_works_on_one_channel_at_a_time_is_told(target: Ncnn, tmp_path: Path) -> None:
    made = target.export(Averaged().eval(), (torch.randn(1, 3, 8, 8),), target.place(tmp_path, "model"))
    assert target.fallbacks(made) == {"Reduction": 1}
