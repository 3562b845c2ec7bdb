"""Off-the-shelf networks beside a result: the nearest in size are built for its classes and measured on its input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.engine import neighbours as beside
from lissom.engine.measuring import Bench
from lissom.engine.neighbours import neighbours
from lissom.targets import TARGETS
from lissom.testing.tiny import tiny_workload
from lissom.workload.workload import Workload


@pytest.fixture
def workload() -> Workload:
    """Pictures of 32 pixels in three channels."""
    return replace(tiny_workload(), example=(torch.zeros(1, 3, 32, 32),))


@pytest.fixture
def bench(workload: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(beside, "_SECONDS", 0.02)
    target = TARGETS.get("onnxruntime")()
    net = torch.nn.Conv2d(3, 4, 3)
    made = target.export(net, workload.example, tmp_path / "original.onnx")
    example = tuple(np.asarray(tensor) for tensor in workload.example)
    return Bench(target, 1, 1, 0.02, made, target.load(made.path, threads=1), (example,), Progress(False))


def figures(parameters: int) -> Figures:
    return Figures(
        score=90.0,
        score_interval=(80.0, 95.0),
        latency_ms=1.0,
        latency_interval_ms=(1.0, 1.0),
        latency_p95_ms=1.0,
        size_bytes=4 * parameters,
        macs=1,
        parameters=parameters,
        peak_memory_bytes=None,
        split="test",
        examples=10,
    )


def test_the_nearest_in_parameters_are_measured_on_the_same_input(workload: Workload, bench: Bench) -> None:
    found, left_out = neighbours(workload, figures(750_000), bench, 1)
    assert not left_out
    (shown,) = found
    assert shown.name == "squeezenet1_1_32px" and shown.score is None  # 0.72 million parameters for ten classes
    assert shown.latency_ms > 0 and shown.macs > 0 and 2_000_000 < shown.size_bytes < 4_000_000


def test_what_was_not_asked_for_or_has_no_classes_is_not_measured(workload: Workload, bench: Bench) -> None:
    assert neighbours(workload, figures(750_000), bench, 0) == ([], [])
    assert neighbours(replace(workload, classes=()), figures(750_000), bench, 2) == ([], [])
