"""Structured pruning that chooses by what its readers cannot make good, and lets them make good the rest."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group, capture, couple
from lissom.steps.pruning.criteria import Sample, fisher, weakest
from lissom.steps.pruning.elimination import eliminate, system
from lissom.steps.pruning.prune import check_group, without
from lissom.steps.repair.layers import Comparison, Layer, find_layers, flat, write
from lissom.steps.repair.least_squares import Problem, fit
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Workload, calibration_batches

_EQUAL = 1e-3


@dataclass(frozen=True)
class Eliminate(ModelStep):
    """Remove units by backward elimination, and solve the layers that read them anew, in the order of the forward.

    ``keep`` holds for each group its number, its name and how many of its units stay. ``ridge`` holds each fit
    to the weights that were cut, in parts of the mean square of an input. Groups without a layer that can be
    solved lose the units that matter least by their Fisher information.
    """

    keep: tuple[tuple[int, str, int], ...]
    examples: int = 2048
    batch: int = 128
    ridge: float = 0.01

    name = "eliminate"

    def describe(self) -> str:
        return f"eliminate units of {len(self.keep)} groups"

    def apply(self, workload: Workload, context: Context) -> Workload:
        if workload.cut is not None:
            raise LissomError("the model was cut already", hint="join the two cuts into one step")
        if workload.zeros:
            raise LissomError("weights that are held at zero cannot be solved anew", hint="eliminate before sparsify")
        coupling = couple(capture(workload.module, workload.example), keep=workload.keep)
        work = _Elimination(self, workload, coupling, context)
        removed = work.run()
        result = without(workload.with_module(work.model), removed)
        return self._checked(result, work, context)

    def _checked(self, result: Workload, work: "_Elimination", context: Context) -> Workload:
        """What reads across removed units (LayerNorm) changes with the cut itself: then all is solved once more."""
        inputs = work.batches[0].inputs
        with torch.no_grad():
            cut, masked = result.module.eval()(*inputs), work.model(*inputs)
        tensors = [(a, b) for a, b in zip(_leaves(cut), _leaves(masked), strict=True)]
        if all(float((a - b).abs().max()) <= _EQUAL * float(b.abs().max() + 1e-9) for a, b in tensors):
            return result
        return Reconstruct(self.examples, self.batch, self.ridge).apply(result, context)


def _leaves(outputs: object) -> list[Tensor]:
    from torch.utils import _pytree as pytree

    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor) and leaf.is_floating_point()]


class _Elimination:
    """A full-size copy of the model in which what was removed reads as nothing."""

    def __init__(self, step: Eliminate, workload: Workload, coupling: Coupling, context: Context) -> None:
        self._step, self._context, self._workload = step, context, workload
        self._coupling = coupling
        self._left = _widths(step.keep, coupling)
        self.model = copy.deepcopy(workload.module).eval()
        self.batches = calibration_batches(
            workload.splits.train, examples=step.examples, batch=step.batch, seed=context.seed
        )
        self._groups = {index: coupling.groups[index] for index in self._left}
        names = {member.name for group in self._groups.values() for member in _weights(group)}
        parameters = dict(self.model.named_parameters())
        names = {name for name in names if name in parameters and parameters[name].dim() > 1}
        original = copy.deepcopy(self.model)
        self._layers = {layer.name: layer for layer in find_layers(original, sorted(names), self.batches[0])}
        self._dead = {name: torch.zeros(parameters[name][0].numel(), dtype=torch.bool) for name in self._layers}
        self._comparison = Comparison(original, list(self._layers.values()), self.batches)
        self.removed: dict[int, tuple[int, ...]] = {}

    def run(self) -> dict[int, tuple[int, ...]]:
        self._unsolvable()
        order = list(self._layers.values())
        for layer in self._context.progress.track(order, "eliminating", total=len(order)):
            ready: dict[str, Problem] = {}
            for group in self._groups.values():
                readers = self._readers(group)
                if group.index not in self.removed and layer.name in readers:
                    ready = self._comparison.problems(self.model, list(readers))
                    self._remove(group, self._choose(group, readers, ready))
            if layer.name not in ready:
                ready = self._comparison.problems(self.model, [layer.name])
            self._solve(layer, ready[layer.name])
        return self.removed

    def _readers(self, group: Group) -> dict[str, Tensor]:
        """The layers that can be solved of a group, and the features of each unit ``(units, features)``."""
        found: dict[str, Tensor] = {}
        for member in _weights(group):
            if member.name in self._layers:
                kernel = self.model.get_parameter(member.name)[0, 0].numel()
                places = torch.as_tensor(member.indices)[:, :, None] * kernel + torch.arange(kernel)
                found[member.name] = places.flatten(1)
        return found

    def _unsolvable(self) -> None:
        """Groups that nothing can make good: by Fisher information."""
        rest = {index: self._left[index] for index, group in self._groups.items() if not self._readers(group)}
        if not rest:
            return
        importance = fisher(
            self._workload, self._coupling, Sample(seed=self._context.seed, progress=self._context.progress)
        )
        for index, units in weakest(importance, rest).items():
            self._remove(self._groups[index], units)

    def _choose(self, group: Group, readers: Mapping[str, Tensor], problems: Mapping[str, Problem]) -> list[int]:
        systems = []
        for name, places in readers.items():
            problem, layer = problems[name], self._layers[name]
            alive = self._alive(layer)
            weight = problem.factor / (problem.spread * problem.factor.square()).sum().sqrt().clamp(min=1e-12)
            before = flat(self.model, layer)[alive] * weight
            normal, right = problem.normal[alive][:, alive], problem.right[alive] * weight
            numbers = alive.cumsum(0) - 1
            features = [numbers[unit[alive[unit]]] for unit in places]
            systems.append(system(normal, right, before, torch.stack(features), self._step.ridge))
        return eliminate(systems, self._left[group.index])[0]

    def _alive(self, layer: Layer) -> Tensor:
        alive = ~self._dead[layer.name]
        return torch.cat([alive, torch.ones(1, dtype=torch.bool)]) if layer.shifts else alive

    @torch.no_grad()
    def _remove(self, group: Group, units: Sequence[int]) -> None:
        gone = list(units)
        self.removed[group.index] = tuple(sorted(gone))
        for name, places in self._readers(group).items():
            self._dead[name][places[gone].flatten()] = True
        tensors = dict(self.model.named_parameters())
        for member in group.consumers or group.producers:
            if member.name in tensors:
                places = torch.as_tensor(member.indices[gone]).flatten()
                tensors[member.name].index_fill_(member.dim, places, 0)

    def _solve(self, layer: Layer, problem: Problem) -> None:
        alive = self._alive(layer)
        before = flat(self.model, layer)
        matrix = torch.zeros_like(before)
        matrix[alive] = fit(problem.normal[alive][:, alive], problem.right[alive], before[alive], self._step.ridge)
        write(self.model, layer, matrix)


def _weights(group: Group) -> list:
    return [member for member in group.consumers if member.dim == 1]


def _widths(keep: Sequence[tuple[int, str, int]], coupling: Coupling) -> dict[int, int]:
    widths: dict[int, int] = {}
    for index, name, left in keep:
        check_group(coupling, index, name)
        group = coupling.groups[index]
        if left < group.min_units:
            raise LissomError(
                f"{left} of {group.units} {group.kind} of {name} are too few", hint=f"keep at least {group.min_units}"
            )
        if left < group.units:
            widths[index] = left
    return widths
