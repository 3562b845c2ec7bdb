"""The deployable folder: artefact, handling, test vectors, a predictor without PyTorch, a model card.

A bundle is made beside its place and moved there when it is whole.
"""

import json
import os
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.files import sha256, writing

SCHEMA = 1
_ERRORS_IMPORT = "from lissom.core.errors import LissomError\n"
_ERRORS_INSTEAD = """
class LissomError(ValueError):
    def __init__(self, message, *, hint=""):
        super().__init__(f"{message} {hint}".strip())
"""
_HANDLING_SOURCES = {"image": ("lissom.tasks.image", "handling.py")}
_REQUIREMENTS = {"image": ("numpy", "Pillow", "onnxruntime")}


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle.

    ``handling`` is the workload's, with ``"task"`` in it; ``inputs`` and ``outputs`` are the test vectors,
    ``(examples, ...)``; ``card`` is the text of the model card.
    """

    artefact: Path
    task: str
    handling: dict[str, Any]
    classes: tuple[str, ...]
    inputs: npt.NDArray[Any]
    outputs: npt.NDArray[Any]
    card: str
    facts: dict[str, Any]


def write_bundle(folder: Path, contents: Contents) -> None:
    """Write a bundle to ``folder``, whole or not at all; one that is there is replaced."""
    making = folder.with_name(f".{folder.name}.part")
    with writing(folder):
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        shutil.copyfile(contents.artefact, making / "model.onnx")
        handling = {**contents.handling, "task": contents.task, "classes": list(contents.classes)}
        _write_json(making / "handling.json", handling)
        np.savez(making / "vectors.npz", inputs=contents.inputs, outputs=contents.outputs)
        (making / "predict.py").write_text(predictor(contents.task), encoding="utf-8")
        (making / "handling.py").write_text(handling_source(contents.task), encoding="utf-8")
        (making / "requirements.txt").write_text("\n".join(_REQUIREMENTS[contents.task]) + "\n", encoding="utf-8")
        (making / "README.md").write_text(contents.card, encoding="utf-8")
        hashes = {item.name: sha256(item) for item in sorted(making.iterdir())}
        _write_json(making / "manifest.json", {"schema": SCHEMA, "sha256": hashes, **contents.facts})
        _replace(making, folder)


def predictor(task: str) -> str:
    """The source of ``predict.py`` for a task."""
    return resources.files("lissom.export.predictors").joinpath(f"{task}.py").read_text(encoding="utf-8")


def handling_source(task: str) -> str:
    """The source of what happens to an input before the model, free of lissom."""
    package, name = _HANDLING_SOURCES[task]
    source = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    assert source.count(_ERRORS_IMPORT) == 1, "the handling imports more of lissom than its errors"
    return source.replace(_ERRORS_IMPORT, _ERRORS_INSTEAD)


def _replace(making: Path, folder: Path) -> None:
    if folder.exists():
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
        os.replace(making, folder)
        shutil.rmtree(old)
    else:
        os.replace(making, folder)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
