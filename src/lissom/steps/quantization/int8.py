"""Static INT8 in the way that keeps the answers best, out of the ways that the target has."""

import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lissom.steps.quantization.calibration import check_range
from lissom.steps.step import ArtefactStep, Context
from lissom.targets.target import Artefact, Inputs, Recipe, Source
from lissom.train.batches import in_order
from lissom.workload.workload import Split, Workload, calibration_batches

_JUDGED = 256
_BATCH = 64
_CORRECTION = 12.0  # times that corrected rounding takes what choosing ranges does


@dataclass(frozen=True)
class QuantizeInt8(ArtefactStep):
    """Weights per channel and activations per tensor in 8 bits.

    ``examples`` training inputs, without augmentation and labels, tell the ranges of the activations. With ``search``
    every way to choose ranges is tried, and the best of them once more with corrected rounding; what stands is the one
    whose answers to inputs of the select split are nearest to those before, by the task's own distance.
    """

    examples: int = 512
    batch: int = 64
    search: bool = True

    name = "int8"

    def describe(self) -> str:
        return "quantize int8"

    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        inputs = [[tensor.numpy() for tensor in batch.inputs] for batch in batches]
        tokens = all(array.dtype.kind in "iu" for array in inputs[0])
        path = context.target.place(context.folder, f"{artefact.path.stem}-int8")
        source = Source(workload.module, workload.example, artefact)
        with context.progress.waiting("quantizing to INT8"):
            if not self.search or tokens:
                return context.target.quantize(source, inputs, path)
            check_range(inputs, _inputs(workload.splits.select, self.batch))
            return _Search(source, workload, context, inputs, path).best()


def _inputs(split: Split, count: int) -> Inputs:
    return [[tensor.numpy() for tensor in split.take(range(min(count, len(split)))).inputs]]


class _Search:
    """Makes the artefact by one recipe after the other in the same place, and keeps the files of the best so far."""

    def __init__(self, source: Source, workload: Workload, context: Context, inputs: Inputs, path: Path) -> None:
        self._source, self._context, self._inputs, self._path = source, context, inputs, path
        self._distance = workload.task.distance
        split = workload.splits.select
        self._judged = [split.take(group) for group in in_order(min(_JUDGED, len(split)), _BATCH)]
        self._before = self._answers(source.artefact)
        self._slowest_s = 0.0

    def best(self) -> Artefact:
        """The artefact whose answers are nearest; corrected rounding is tried with the best ranges alone.

        Near the end of a time limit fewer recipes are tried.
        """
        recipes = self._context.target.recipes
        with tempfile.TemporaryDirectory(dir=self._context.folder) as kept:
            best, least, ranges = None, float("inf"), recipes[0].ranges
            for recipe in (recipe for recipe in recipes if not recipe.corrected):
                if best is not None and not self._time_for(1):
                    break
                made, far = self._try(recipe)
                if best is None or far < least:
                    best, least, ranges = made, far, recipe.ranges
                    _copy(made.files, Path(kept))
            assert best is not None, "a target has a recipe"
            corrected = Recipe(ranges, corrected=True)
            if corrected in recipes and self._time_for(_CORRECTION):
                made, far = self._try(corrected)
                if far < least:
                    return made
            _copy([Path(kept) / file.name for file in best.files], self._path.parent)
            return best

    def _time_for(self, times: float) -> bool:
        return self._context.deadline.left() > times * self._slowest_s

    def _try(self, recipe: Recipe) -> tuple[Artefact, float]:
        start = time.monotonic()
        made = self._context.target.quantize(self._source, self._inputs, self._path, recipe)
        far = float(self._distance(self._answers(made), self._before))
        self._slowest_s = max(self._slowest_s, time.monotonic() - start)
        return made, far

    def _answers(self, artefact: Artefact) -> torch.Tensor:
        runner = self._context.target.load(artefact.path, threads=1)
        found: list[Any] = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in self._judged]
        return torch.cat([torch.from_numpy(outputs) for outputs in found])


def _copy(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        shutil.copyfile(file, folder / file.name)
