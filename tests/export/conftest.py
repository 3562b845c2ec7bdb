"""A bundle of the tiny network, with pictures to predict."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lissom.export.bundle import Contents, predictor, write_bundle
from lissom.export.onnx_file import export_onnx
from lissom.export.runners.onnx_runner import Runner
from lissom.targets.parity import answers
from lissom.testing import tiny_workload
from lissom.testing.bundles import predict_alone

Run = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    """What goes into the bundle."""
    workload = tiny_workload()
    path = tmp_path_factory.mktemp("made") / "model.onnx"
    export_onnx(workload.module, workload.example, path)
    inputs = workload.splits.test.take(range(8)).inputs[0].numpy()
    return Contents(
        files=(path,),
        runner="lissom.export.runners.onnx_runner",
        task="image",
        handling=workload.handling,
        classes=workload.classes,
        inputs=(inputs,),
        outputs=Runner(path).run([inputs])[0],
        original=answers(workload.module, [inputs]),
        card="# Tiny, made light\n",
        facts={"model": "tiny", "task": "image", "target": "onnxruntime", "score": 97.5},
    )


@pytest.fixture
def bundle(contents: Contents, tmp_path: Path) -> Path:
    """The bundle, in a folder with spaces and letters of other scripts."""
    folder = tmp_path / "mon paquet 包"
    write_bundle(folder, replace(contents))
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """The first picture of the test split as a file."""
    path = tmp_path / "une image 图.png"
    pixels = tiny_workload().splits.test.pictures[0]
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(path)
    return path


@pytest.fixture
def predict() -> Callable[..., Run]:
    """Run a bundle's predictor in a process of its own that cannot import torch, transformers or lissom."""
    return predict_alone


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The names in the source of a task's predictor, given the modules that a bundle has beside it."""

    def load(task: str, **beside: ModuleType) -> dict[str, Any]:
        checking, runner = ModuleType("checking"), ModuleType("runner")
        checking.__file__ = str(tmp_path / "checking.py")
        exec(predictor("checking"), checking.__dict__)
        vars(runner)["Runner"] = None
        for name, module in {"checking": checking, "runner": runner, **beside}.items():
            monkeypatch.setitem(sys.modules, name, module)
        found: dict[str, Any] = {"__name__": task}
        exec(predictor(task), found)
        return found

    return load


@pytest.fixture(scope="session")
def fresh_runner() -> Callable[[str], Any]:
    """Gives the runner of a name with what is importable now; the one that others import is never it."""

    def fresh(name: str) -> Any:
        spec = importlib.util.find_spec(f"lissom.export.runners.{name}")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return fresh
