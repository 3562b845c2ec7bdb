"""A target that lacks INT8 is searched in the number formats that it has."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import lissom
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.targets.ncnn_net import Ncnn
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.openvino_ir import OpenVino
from lissom.targets.torch_program import PyTorch
from lissom.testing import tiny_workload


@pytest.mark.parametrize("methods", [("prune",), ("depth",), ("prune", "separable")])
def test_a_whole_run_without_int8(methods: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := Ncnn().missing():
        pytest.skip(missing)
    torch.set_num_threads(1)
    monkeypatch.setattr(Ncnn, "peak_memory_bytes", lambda *given, **settings: 1_000_000)
    options = lissom.Options(epochs=1, calibration=32, measure_s=0.02, tries=1, methods=methods, compared=0)
    budget = "size<=60%, drop<=50pt"
    run = lissom.compress(tiny_workload(), budget=budget, target="ncnn", output=tmp_path / "run 跑", options=options)
    moves = [trial.move for trial in Ledger(run.folder).all(Trial)]
    if "prune" in methods:
        assert run.met and moves[0].startswith("prune") and moves[1] == "fp16"
        assert len(moves) == len(methods) + 1
        assert all("int8" not in move for move in moves), "what is tried on top of FP16 is made in FP16"
        assert {"model.param", "model.bin"} <= {item.name for item in run.bundle.iterdir()}
    else:
        assert moves == ["as it is"], "it has no blocks to leave out"
    assert "verdict on the test split" in str(run) and run.report.exists()


def test_a_model_in_part_in_int8_is_so_where_a_target_can_do_that() -> None:
    whole = tiny_workload()
    part = replace(whole, int8_layers=("*.head*",))
    assert OpenVino().formats(whole) == ("fp32", "fp16", "int8") and OpenVino().formats(part) == ("fp32", "int8")
    assert OnnxRuntime().formats(part) == ("fp32", "int8")
    assert Ncnn().formats(part) == PyTorch().formats(part) == ("fp32",)
