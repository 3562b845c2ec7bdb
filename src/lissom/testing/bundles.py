"""A bundle run as its user runs it: in a process that has neither torch nor transformers nor lissom."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lissom.export.bundle import Contents
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import Artefact
from lissom.tasks.generating import said
from lissom.workload.workload import Workload

_CODE = (
    "import sys, runpy; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'lissom'))); "
    "sys.argv = sys.argv[1:]; sys.path[0] = sys.argv[0].rpartition('/')[0]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def predict_alone(bundle: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What the bundle's ``predict.py`` does with some arguments; warnings are errors."""
    command = [sys.executable, "-W", "error", "-c", _CODE, str(bundle / "predict.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def translator_contents(
    workload: Workload, artefact: Artefact, inputs: Sequence[np.ndarray], original: np.ndarray | None = None
) -> Contents:
    """What goes into the bundle of a tiny translator on ONNX Runtime.

    Args:
        workload: the translator.
        artefact: made of it.
        inputs: of the test vectors.
        original: what the model says to them; as the artefact does, by default.
    """
    target = OnnxRuntime()
    answers: Any = said(target.load(artefact.path, threads=1), inputs, workload.handling)
    return Contents(
        files=artefact.files,
        runner=target.runner_of(artefact.path),
        task="translation",
        handling=workload.handling,
        classes=(),
        inputs=tuple(inputs),
        outputs=answers,
        original=answers if original is None else original,
        card="# Tiny translator, made light\n",
        facts={"model": "tiny", "task": "translation", "target": "onnxruntime", "score": 99.0},
        attached=workload.files,
    )
