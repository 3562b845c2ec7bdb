"""A cold start is measured in a process that imports nothing from the folder that the user is in."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.starting import start


def test_files_of_the_user_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = OnnxRuntime()
    artefact = target.export(torch.nn.Linear(4, 2).eval(), (torch.zeros(1, 4),), tmp_path / "made.onnx")
    for name in ("json", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = start(target.runner_of(artefact.path), artefact.path, [np.zeros((1, 4), np.float32)], threads=1)
    assert found.peak_memory_bytes > 0 and found.first_answer_ms > 0
