"""Mixed precision: the layers that INT8 hurts most, for the time that they cost, go back to float."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.timing import interleaved
from lissom.steps.quantization.calibration import calibration_inputs, check_any_layer, check_range, first_inputs
from lissom.steps.quantization.searching import Quantized, RecipeSearch
from lissom.steps.step import ArtefactStep, Context, check_sizes
from lissom.targets.target import INT8, Artefact, Inputs, Recipe, Source, Target
from lissom.workload.workload import Workload

_PROBED = 32
_TIMED_S = 0.1
_LEAST_MS = 1e-3  # a layer that costs nothing in float


@dataclass(frozen=True)
class Harm:
    """What one layer does to an INT8 artefact: the share of its error that goes with it, and what that costs.

    ``gained`` is the share of the distance from the answers before that is gone when this layer alone is in float;
    ``cost_ms`` is how much longer the artefact takes then.
    """

    layer: str
    gained: float
    cost_ms: float

    @property
    def worth(self) -> float:
        """Error that goes, for each millisecond."""
        return self.gained / max(self.cost_ms, _LEAST_MS)


@dataclass(frozen=True)
class MixedInt8(ArtefactStep):
    """INT8 as by ``int8``, with so many layers in float that ``share`` of its error is gone.

    Each layer is left in float alone once: that says what it hurts and what it costs on the target. Layers go back in
    order of error that goes for each millisecond, as few as are needed. The order by harm is that of HAWQ (Dong et
    al., 2019, "HAWQ: Hessian aware quantization", section 4), with the error measured instead of approximated, and
    with latency measured, as in HAQ (Wang et al., 2019, section 3).
    """

    examples: int = 512
    batch: int = 64
    share: float = 0.7

    name = "int8_mixed"
    precision = INT8

    def __post_init__(self) -> None:
        check_sizes(self)
        if not 0 < self.share < 1:
            raise LissomError(f"share is {self.share:g}; it lies between 0 and 1")

    def describe(self) -> str:
        return "quantize int8, some layers in float"

    def check(self, original: Workload) -> None:
        check_any_layer(original, self.name)

    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        check_any_layer(workload, self.name)
        target = context.target
        layers = target.layers(artefact)
        if not layers:
            raise LissomError(
                f"{target.title} cannot leave single layers of this model in float", hint="use the step int8 alone"
            )
        inputs = calibration_inputs(workload, examples=self.examples, batch=self.batch, seed=context.seed)
        check_range(inputs, first_inputs(workload.splits.select, self.batch))
        path = target.place(context.folder, f"{artefact.path.stem}-mixed")
        source = Source(workload.module, workload.example, artefact)
        with context.progress.waiting("quantizing to INT8"):
            search = RecipeSearch(source, workload, context, inputs, path)
            whole = search.best()
        example = [tensor.numpy() for tensor in workload.example]
        found = context.progress.track(layers, "what INT8 does to each layer", total=len(layers))
        probe = _Probe(search, target, [[array[:_PROBED] for array in inputs[0]]], example, path)
        harms = sorted((probe.harm(layer) for layer in found), key=lambda harm: harm.worth, reverse=True)
        with context.progress.waiting("giving layers back to float"):
            made = _fewest(search, whole, [harm for harm in harms if harm.gained > 0], self.share)
        floats = [harm for harm in harms if harm.layer in made.recipe.floats]
        return replace(made.artefact, notes=(*made.artefact.notes, _told(floats, whole, made)))


class _Probe:
    """Leaves one layer in float at a time, with few calibration inputs: they are compared with each other alone."""

    def __init__(
        self, search: RecipeSearch, target: Target, inputs: Inputs, example: Sequence[np.ndarray], path: Path
    ) -> None:
        self._search, self._target, self._inputs, self._example, self._path = search, target, inputs, example, path
        self._ranges = target.recipes[0].ranges
        self._whole = search.attempt(Recipe(self._ranges), inputs)
        self._runner = target.load(path, threads=1)

    def harm(self, layer: str) -> Harm:
        """What this layer alone does."""
        made = self._search.attempt(Recipe(self._ranges, floats=(layer,)), self._inputs)
        other = self._target.load(self._path, threads=1)
        calls = {"int8": lambda: self._runner.run(self._example), "float": lambda: other.run(self._example)}
        samples = interleaved(calls, seconds=_TIMED_S, least=20)
        cost = float(np.median(samples["float"]) - np.median(samples["int8"]))
        return Harm(layer, 1 - made.distance / max(self._whole.distance, 1e-12), cost)


def _fewest(search: RecipeSearch, whole: Quantized, harms: Sequence[Harm], share: float) -> Quantized:
    """The artefact with the fewest layers in float that takes ``share`` of the error away, by bisection.

    Where even all of them do not, all of them; where none helps, the one without. The number is looked for without
    corrected rounding, which is slow.
    """
    plain = Recipe(whole.recipe.ranges)
    all_in_int8 = search.attempt(plain) if whole.recipe.corrected else whole
    low, high = 0, len(harms)  # more than low are needed; high are enough, or all
    while high - low > 1:
        middle = (low + high) // 2
        tried = search.attempt(replace(plain, floats=tuple(harm.layer for harm in harms[:middle])))
        low, high = (low, middle) if tried.distance <= (1 - share) * all_in_int8.distance else (middle, high)
    return search.attempt(replace(whole.recipe, floats=tuple(harm.layer for harm in harms[:high])))


def _told(floats: Sequence[Harm], whole: Quantized, made: Quantized) -> str:
    if not floats:
        return "no single layer carries the error of INT8: none is left in float"
    gone = 1 - made.distance / max(whole.distance, 1e-12)
    worst = ", ".join(f"{harm.layer} ({harm.gained:.0%} of the error, {harm.cost_ms:+.3f} ms)" for harm in floats[:5])
    return f"{len(floats)} layers in float take away {gone:.0%} of the error of INT8; the first are {worst}"
