"""INT8 in the way that keeps the answers best, out of the ways that the target has."""

from dataclasses import dataclass

from lissom.layers.listening import AT_ONCE, puts_into_words
from lissom.steps.quantization.calibration import calibration_inputs, check_range, first_inputs
from lissom.steps.quantization.searching import RecipeSearch
from lissom.steps.step import ArtefactStep, Context
from lissom.targets.target import INT8, Artefact, Recipe, Source
from lissom.workload.workload import Workload


@dataclass(frozen=True)
class QuantizeInt8(ArtefactStep):
    """Weights per channel and activations per tensor in 8 bits.

    ``examples`` training inputs, without augmentation and labels, tell the ranges of the activations. With ``search``
    every way to choose ranges is tried, and the best of them once more with corrected rounding; what stands is the one
    whose answers to inputs of the select split are nearest to those before, by the task's own distance.

    Models that read tokens are quantized with ranges that follow each input, where the target has that; with ``static``
    they get fixed ranges as well. Where some layers of a model alone may be in INT8, the extremes are the ranges: what
    is deployed beside the artefact is made in the same way.
    """

    examples: int = 512
    batch: int = 64
    search: bool = True
    static: bool = False

    name = "int8"
    precision = INT8

    def describe(self) -> str:
        return "quantize int8"

    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        path = context.target.place(context.folder, f"{artefact.path.stem}-int8")
        source = Source(workload.module, workload.example, artefact, workload.int8_layers)
        if puts_into_words(workload.module):  # its ranges are those of each input at hand
            few = calibration_inputs(workload, examples=AT_ONCE, batch=AT_ONCE, seed=context.seed)
            with context.progress.waiting("quantizing to INT8"):
                return context.target.quantize(source, few, path)
        inputs = calibration_inputs(workload, examples=self.examples, batch=self.batch, seed=context.seed)
        tokens = all(array.dtype.kind in "iu" for array in inputs[0])
        if not tokens and not workload.int8_layers:  # of a codec, noise is in one split alone
            check_range(inputs, first_inputs(workload.splits.select, self.batch))
        with context.progress.waiting("quantizing to INT8"):
            if workload.int8_layers:
                return context.target.quantize(source, inputs, path, Recipe())
            if tokens and not self.static:
                return context.target.quantize(source, inputs, path)
            if not self.search:
                return context.target.quantize(source, inputs, path, Recipe() if self.static else None)
            return RecipeSearch(source, workload, context, inputs, path).best().artefact
