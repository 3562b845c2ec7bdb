"""Calibration inputs of another range than the pictures that follow are refused before anything is made of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.steps.quantization.calibration import check_range
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.mixed import MixedInt8
from lissom.testing import tiny_context, tiny_workload
from lissom.testing.tiny import Drawn


def drawn(scale: float, count: int = 64) -> list[list[np.ndarray]]:
    return [[(scale * np.random.default_rng(0).standard_normal((count, 3, 8, 8))).astype(np.float32)]]


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_what_differs_as_pictures_do_is_taken(scale: float) -> None:
    check_range(drawn(scale), drawn(1.0))


@pytest.mark.parametrize("scale", [0.0, 0.01, 255.0])
def test_another_range_is_refused(scale: float) -> None:
    with pytest.raises(LissomError, match="the calibration inputs reach to"):
        check_range(drawn(scale), drawn(1.0))


def test_a_model_that_names_its_layers_has_these_alone_in_int8_by_extremes(tmp_path: Path) -> None:
    workload = replace(tiny_workload(), int8_layers=("classifier.*",))
    context = tiny_context(tmp_path, workload)
    artefact = context.target.export(workload.module, workload.example, context.folder / "model.onnx")
    made = QuantizeInt8().apply(artefact, workload, context)
    assert "minmax ranges, in 1 of " in made.notes[-1] and made.size_bytes < artefact.size_bytes
    for step in (MixedInt8(), DistillInt8(1)):
        with pytest.raises(LissomError, match="some alone may be in INT8"):
            step.check(workload)


def test_blank_pictures_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    workload = tiny_workload()
    context = tiny_context(tmp_path, workload)
    artefact = context.target.export(workload.module, workload.example, context.folder / "model.onnx")
    blank = Drawn(np.full((32, 3, 8, 8), 128, np.uint8), np.zeros(32, np.int64))
    given = replace(workload, splits=replace(workload.splits, train=blank))
    for search in (True, False):
        with pytest.raises(LissomError, match="blank") as refused:
            QuantizeInt8(examples=32, search=search).apply(artefact, given, context)
        assert refused.value.hints
    assert [item.name for item in context.folder.iterdir()] == ["model.onnx"]
