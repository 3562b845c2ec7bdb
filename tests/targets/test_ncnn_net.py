"""ncnn's converter is a process of its own that tells every pass; users see none of it."""

from pathlib import Path

import pytest
import torch

from lissom.targets.ncnn_net import Ncnn
from lissom.testing import tiny_workload


def test_converting_is_quiet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = Ncnn()
    if target.missing():
        pytest.skip(str(target.missing()))
    torch.set_num_threads(1)
    workload = tiny_workload()
    capfd.readouterr()
    target.export(workload.module, workload.example, target.place(tmp_path, "model"))
    assert capfd.readouterr() == ("", "")
