"""The way to quantize that keeps the answers nearest, out of the ways that a target has."""

import math
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lissom.steps.step import Context
from lissom.targets.target import Artefact, Inputs, Recipe, Source
from lissom.workload.workload import Workload, calibration_batches

_JUDGED = 256
_BATCH = 64
_CORRECTION = 12.0  # times that corrected rounding takes what choosing ranges does


@dataclass(frozen=True)
class Quantized:
    """An INT8 artefact, how it was made, and how far its answers are from those before, by the task's distance."""

    artefact: Artefact
    recipe: Recipe
    distance: float


class RecipeSearch:
    """Makes the artefact by one recipe after the other in the same place, and keeps the files of the best so far."""

    def __init__(self, source: Source, workload: Workload, context: Context, inputs: Inputs, path: Path) -> None:
        self._source, self._context, self._inputs, self._path = source, context, inputs, path
        self._distance = workload.task.distance
        select = workload.splits.select  # often in the order of paths, so of classes
        self._judged = calibration_batches(select, examples=_JUDGED, batch=_BATCH, seed=context.seed)
        self._before = self._answers(source.artefact)
        self._slowest_s = 0.0

    def best(self) -> Quantized:
        """The artefact whose answers are nearest; corrected rounding is tried with the best ranges alone.

        Near the end of a time limit fewer recipes are tried.
        """
        recipes = self._context.target.recipes
        with tempfile.TemporaryDirectory(dir=self._context.folder) as kept:
            best: Quantized | None = None
            for recipe in (recipe for recipe in recipes if not recipe.corrected):
                if best is not None and not self._time_for(1):
                    break
                tried = self.attempt(recipe)
                if best is None or tried.distance < best.distance:
                    best = tried
                    _copy(tried.artefact.files, Path(kept))
            assert best is not None, "a target has a recipe"
            corrected = Recipe(best.recipe.ranges, corrected=True)
            if corrected in recipes and self._time_for(_CORRECTION):
                tried = self.attempt(corrected)
                if tried.distance < best.distance:
                    return tried
            _copy([Path(kept) / file.name for file in best.artefact.files], self._path.parent)
            return best

    def attempt(self, recipe: Recipe, inputs: Inputs | None = None) -> Quantized:
        """Quantize by one recipe, with other calibration inputs where some are given."""
        start = time.monotonic()
        made = self._context.target.quantize(self._source, inputs or self._inputs, self._path, recipe)
        far = float(self._distance(self._answers(made), self._before))
        far = math.inf if math.isnan(far) else far  # nothing is nearer than what is no number
        self._slowest_s = max(self._slowest_s, time.monotonic() - start)
        return Quantized(made, recipe, far)

    def _time_for(self, times: float) -> bool:
        return self._context.deadline.left() > times * self._slowest_s

    def _answers(self, artefact: Artefact) -> torch.Tensor:
        runner = self._context.target.load(artefact.path, threads=1)
        found: list[Any] = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in self._judged]
        return torch.cat([torch.from_numpy(outputs) for outputs in found])


def _copy(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        shutil.copyfile(file, folder / file.name)
