"""Static INT8 in the way that keeps the answers best, out of the ways that the target has."""

from dataclasses import dataclass
from typing import Any

import torch

from lissom.steps.step import ArtefactStep, Context
from lissom.targets.target import Artefact, Inputs, Recipe, Source
from lissom.train.batches import in_order
from lissom.workload.workload import Batch, Workload, calibration_batches

_JUDGED = 256
_BATCH = 64


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
            recipe = _best(source, workload, context, inputs)
            return context.target.quantize(source, inputs, path, recipe)


def _best(source: Source, workload: Workload, context: Context, inputs: Inputs) -> Recipe:
    """The recipe with the least distance; corrected rounding is tried with the best ranges alone."""
    split = workload.splits.select
    judged = [split.take(group) for group in in_order(min(_JUDGED, len(split)), _BATCH)]
    before = _answers(source.artefact, context, judged)

    def distance(recipe: Recipe) -> float:
        place = context.target.place(context.folder, "tried-int8")
        made = context.target.quantize(source, inputs, place, recipe)
        try:
            return float(workload.task.distance(_answers(made, context, judged), before))
        finally:
            for file in made.files:
                file.unlink()

    plain = {recipe: distance(recipe) for recipe in context.target.recipes if not recipe.corrected}
    best = min(plain, key=lambda recipe: plain[recipe])
    corrected = Recipe(best.ranges, corrected=True)
    if corrected in context.target.recipes and distance(corrected) < plain[best]:
        return corrected
    return best


def _answers(artefact: Artefact, context: Context, batches: list[Batch]) -> torch.Tensor:
    runner = context.target.load(artefact.path, threads=1)
    found: list[Any] = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in batches]
    return torch.cat([torch.from_numpy(outputs) for outputs in found])
