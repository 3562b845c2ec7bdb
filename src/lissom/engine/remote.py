"""What a worker does for a run: it loads the model as the command was told to, carries steps out, and sends results."""

import copy
import json
import os
import sys
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Deadline, Progress
from lissom.engine.carrying import Carrier, Result
from lissom.engine.identity import weights_of
from lissom.steps.step import Context, ModelStep, step_from_json
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.tasks.loading import load
from lissom.workload.workload import Batch, Workload


def versions() -> dict[str, str]:
    """What has to be the same on every worker for its results to be those of one run."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"lissom": metadata.version("lissom"), "torch": metadata.version("torch"), "python": python}


def order(source: dict[str, Any], weights: str, steps: Any, seconds: float, seed: int) -> dict[str, Any]:
    """What a worker is sent: plain values, understood by other versions too, so that they can refuse it.

    Args:
        source: arguments of :func:`lissom.tasks.loading.load`.
        weights: of the original, from :func:`lissom.engine.identity.weights_of`.
        steps: as JSON.
        seconds: that they may take; infinite without a limit.
        seed: of the run.
    """
    told = {"source": source, "weights": weights, "steps": steps, "seconds": seconds, "seed": seed}
    return {**told, "versions": versions(), "folder": os.getcwd()}


def perform(told: dict[str, Any]) -> dict[str, Any]:
    """Carry an order out.

    Returns:
        ``{"results": ...}`` as :meth:`lissom.engine.carrying.Carrier.results` gives them, or ``{"refused": why}``.
    """
    ours = versions()
    if told["versions"] != ours:
        theirs = told["versions"]
        other = [f"{name} {ours[name]}, the run {theirs.get(name)}" for name in ours if theirs.get(name) != ours[name]]
        return {"refused": f"a worker has {'; '.join(other)}"}
    try:
        return {"results": _results(told)}
    except LissomError as error:
        return {"refused": f"a worker could not do it: {error.message}"}


def _results(told: dict[str, Any]) -> list[Result]:
    if Path.cwd() != Path(told["folder"]):
        try:
            os.chdir(told["folder"])
        except OSError as error:
            raise LissomError(f"there is no folder {told['folder']}, where the run was started") from error
    workload, shared = _loaded(json.dumps(told["source"]))
    if weights_of(workload) != told["weights"]:
        raise LissomError(f"{workload.name} has other weights there")
    steps = tuple(step_from_json(step) for step in told["steps"])
    models = tuple(step for step in steps if isinstance(step, ModelStep))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        deadline = Deadline(None if told["seconds"] == float("inf") else told["seconds"])
        context = Context(
            workload, OnnxRuntime(), _answering(workload), place, shared, seed=told["seed"], deadline=deadline
        )
        carrier = Carrier(Ledger(place), place / "steps", context)
        carrier.model(models)
        return carrier.results(models)


@cache
def _loaded(source: str) -> tuple[Workload, Path]:
    """The original, and a folder for what can be used again as long as this worker lives."""
    return load(**json.loads(source), progress=Progress(False)), Path(tempfile.mkdtemp(prefix="lissom-"))


def _answering(workload: Workload) -> Any:
    module = copy.deepcopy(workload.module).eval()

    @torch.inference_mode()
    def answer(batch: Batch) -> np.ndarray:
        return module(*batch.inputs).float().numpy()

    return answer
