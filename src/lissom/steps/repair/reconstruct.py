"""Least-squares reconstruction: consumers of removed units learn to write what they wrote before."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from lissom.core.allocator import freed_memory_kept
from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.listening import AT_ONCE, puts_into_words
from lissom.steps.repair.layers import Comparison, find_layers, flat, reading_otherwise, unsolved, write
from lissom.steps.repair.least_squares import fit
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Batch, Workload, calibration_batches

_VALUES = 3 << 19  # of the inputs of a batch


@dataclass(frozen=True)
class Reconstruct(ModelStep):
    """Solve each layer that lost inputs, or that reads something else since blocks were left out, in the order of the
    forward.

    Its new weights are the least-squares fit from what it reads in the cut model to what the original wrote at
    the outputs that are left, so that a layer also mends what layers before it could not (He, Zhang and Sun,
    2017, "Channel pruning", section 3.1; Luo, Wu and Lin, 2017, "ThiNet", section 3.3). ``ridge`` holds the
    fit to the weights that were cut, in parts of the mean square of an input. ``batch`` examples at most are looked at
    at once, fewer of large ones and of models that put into words: what is written for them is to be found in memory
    that is there already.
    """

    examples: int = 1024
    batch: int = 128
    ridge: float = 0.01

    name = "reconstruct"

    def describe(self) -> str:
        return "reconstruct"

    @freed_memory_kept()
    def apply(self, workload: Workload, context: Context) -> Workload:
        if workload.cut is None and not workload.left_out:
            raise LissomError("there is nothing to reconstruct: the model was not cut, and no block was left out")
        if workload.zeros:
            raise LissomError("weights that are held at zero cannot be solved anew", hint="reconstruct before sparsify")
        most = min(self.batch, AT_ONCE) if puts_into_words(workload.module) else self.batch
        batch = max(1, min(most, _VALUES // max(part[0].numel() for part in workload.example)))
        batches = calibration_batches(workload.splits.train, examples=self.examples, batch=batch, seed=context.seed)
        return reconstructed(workload, context.original.module, batches, self.ridge, context.progress)


def reconstructed(
    workload: Workload, original: nn.Module, batches: Sequence[Batch], ridge: float, progress: Progress
) -> Workload:
    """What :class:`Reconstruct` does, on given inputs.

    Args:
        workload: with the model that was cut, or of which blocks were left out.
        original: before that.
        batches: inputs.
        ridge: see there.
        progress: where to show it.
    """
    model, original = copy.deepcopy(workload.module).eval(), copy.deepcopy(original).eval()
    kept = {} if workload.cut is None else workload.cut.kept
    parameters = dict(original.named_parameters())
    there = dict(model.named_parameters())
    both = [name for name in parameters if name in there and parameters[name].dim() > 1]
    cut = {name: kept[name] for name in both if name in kept}
    solved = {name for name, dims in cut.items() if 1 in dims}
    otherwise = reading_otherwise(original, model, both, batches[0]) if workload.left_out else []
    solved.update(otherwise)
    layers = find_layers(original, [name for name in both if name in solved], batches[0], gone=workload.left_out)
    outputs = {layer.name: kept[layer.name][0] for layer in layers if 0 in kept.get(layer.name, {})}
    comparison = Comparison(original, layers, batches, outputs)
    for layer in progress.track(layers, "reconstructing", total=len(layers)):
        problem = comparison.problems(model, [layer.name])[layer.name]
        write(model, layer, fit(problem.normal, problem.right, flat(model, layer), ridge))
    left = unsolved(original, {**{name: {1: ()} for name in otherwise}, **cut}, batches[0]).items()
    return workload.with_module(model).with_notes([f"not reconstructed: {name}, which {why}" for name, why in left])
