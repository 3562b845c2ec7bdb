"""Layers of a model as least-squares problems against the original, for as many layers in a forward as asked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from lissom.layers.text_model import fitting, real_tokens
from lissom.steps.repair.least_squares import Problem, obstacle, read_rows, written_rows
from lissom.steps.repair.observe import Reading, Sum, Trail, inputs_at, tokens_first, watch
from lissom.workload.workload import Batch

# of weights and inputs, besides those that are followed
_PRODUCTS = ("aten.mm", "aten.addmm", "aten.bmm", "aten.baddbmm", "aten.mkldnn_rnn_layer")
_ROWS = 32768
_ROWS_A_FEATURE = 8
_COMPARED = 4  # examples


@dataclass(frozen=True)
class Layer:
    """A layer that can be solved: where its bias is, or else the running mean of its BatchNorm, and whether its
    output goes into a residual stream. ``spots`` is how many places its output has in an example (rows of a
    batch for a linear layer). ``tokens_first`` says that it reads texts token by token."""

    name: str
    bias: str | None
    mean: str | None
    summed: bool
    spots: int
    is_convolution: bool
    tokens_first: bool = False

    @property
    def shifts(self) -> bool:
        """Whether it can add a constant to its outputs."""
        return self.bias is not None or self.mean is not None


@dataclass
class _Seen:
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    means: dict[str, list[int]] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict[str, str])
    sums_gone: set[str] = field(default_factory=set[str])


def find_layers(model: nn.Module, names: Sequence[str], batch: Batch, *, gone: Sequence[str] = ()) -> list[Layer]:
    """Those of the named weights that can be solved, in the order of the forward: called once, not grouped, and
    read by nothing else, whatever their names (an output projection may be the table in which tokens are looked up).

    Args:
        model: in eval mode.
        names: of weights.
        batch: inputs.
        gone: blocks that will be left out: what goes into a residual stream there has no sum of its own without them.
    """
    weights = {name: model.get_parameter(name) for name in names}
    found = _watched(model, weights, batch, gone)
    buffers = {tensor.data_ptr(): name for name, tensor in model.named_buffers()}
    used = [place for places in found.means.values() for place in places]
    by_token = tokens_first(model, batch.inputs, weights)
    layers: list[Layer] = []
    for name, calls in found.readings.items():
        if _obstacle(name, calls, found.elsewhere, weights[name]):
            continue
        call, means = calls[0], found.means.get(name, [])
        bias = _bias(model, name, call)
        alone = bias is None and len(means) == 1 and used.count(means[0]) == 1
        mean = buffers.get(means[0]) if alone else None
        spots = call.written[0, 0].numel() if call.is_convolution else len(call.written)
        summed_once = found.sums.get(name) == 1 and name not in found.sums_gone
        layers.append(Layer(name, bias, mean, summed_once, spots, call.is_convolution, name in by_token))
    return layers


def reading_otherwise(original: nn.Module, changed: nn.Module, names: Sequence[str], batch: Batch) -> list[str]:
    """Those of the named weights whose layers read something else in a changed model than in the original.

    Args:
        original: in eval mode.
        changed: the same without some of its parts, in eval mode.
        names: of weights that both have.
        batch: inputs; a few are looked at.
    """
    few = replace(batch, inputs=tuple(part[:_COMPARED] for part in batch.inputs))
    before, after = (
        _watched(model, {name: model.get_parameter(name) for name in names}, few).readings
        for model in (original, changed)
    )
    return [
        name
        for name in names
        if name in before and name in after and not _alike(before[name][0].read, after[name][0].read)
    ]


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def _watched(model: nn.Module, weights: Mapping[str, Tensor], batch: Batch, gone: Sequence[str] = ()) -> _Seen:
    """What a model does with some of its weights; sums within blocks that are ``gone`` are told apart."""
    found, within = _Seen(), list[str]()

    def seen(name: str, reading: Reading) -> bool:
        found.readings.setdefault(name, []).append(reading)
        return False

    def normed(trail: Trail) -> None:
        if trail.mean is not None:
            found.means.setdefault(trail.name, []).append(trail.mean.data_ptr())

    def summed(item: Sum) -> bool:
        found.sums[item.trail.name] = found.sums.get(item.trail.name, 0) + 1
        if within:
            found.sums_gone.add(item.trail.name)
        return False

    def elsewhere(name: str, operator: Any) -> None:
        found.elsewhere.setdefault(name, str(operator.overloadpacket))

    hooks: list[Any] = []
    for name in gone:
        block = model.get_submodule(name)
        hooks.append(block.register_forward_pre_hook(lambda *given, name=name: within.append(name)))
        hooks.append(block.register_forward_hook(lambda *given: within.clear()))
    try:
        watch(model, batch.inputs, weights, seen=seen, normed=normed, summed=summed, elsewhere=elsewhere)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _obstacle(name: str, calls: Sequence[Reading], elsewhere: Mapping[str, str], weight: Tensor) -> str:
    """Why a layer cannot be solved, as in "which ..."; nothing where it can."""
    if len(calls) != 1:
        return f"is called {len(calls)} times"
    if name in elsewhere:
        return f"{elsewhere[name]} reads as well"
    return obstacle(calls[0], weight)


def unsolved(model: nn.Module, kept: Mapping[str, Collection[int]], batch: Batch) -> dict[str, str]:
    """Of weights that were cut those that have lost inputs and cannot be solved, and why, as in "which ...".

    Args:
        model: before it was cut, in eval mode.
        kept: names of weights, and the dimensions along which each of them was cut.
        batch: inputs.
    """
    weights = {name: model.get_parameter(name) for name in kept}
    found = _watched(model, weights, batch)
    told: dict[str, str] = {}
    for name, weight in weights.items():
        calls, operator = found.readings.get(name, []), found.elsewhere.get(name, "")
        if any(inputs_at(call, weight) in kept[name] for call in calls):
            told[name] = _obstacle(name, calls, found.elsewhere, weight)
        elif not calls and operator in _PRODUCTS and 1 in kept[name]:
            told[name] = f"{operator} reads"
    return {name: why for name, why in told.items() if why}


def _bias(model: nn.Module, name: str, reading: Reading) -> str | None:
    """The parameter that a layer adds to its outputs, where it adds one and nothing but one."""
    if reading.bias is not None:
        same = [n for n, p in model.named_parameters() if _is_same(p, reading.bias)]
        return same[0] if same else None
    owner, _, leaf = name.rpartition(".")
    biases = dict(model.get_submodule(owner).named_parameters(recurse=False))
    return f"{owner}.bias" if leaf == "weight" and "bias" in biases else None


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one.data_ptr() == other.data_ptr() and one.shape == other.shape


class Comparison:
    """What the original writes where layers are to be solved, kept, so that it runs once.

    Args:
        original: the model that is imitated, in eval mode.
        layers: which layers.
        batches: inputs.
        outputs: name of a weight -> which of the original's outputs are left, where not all are.
        streams: whether a layer that writes into a residual stream is to mend what the stream lacks there (He,
            Zhang and Sun, 2017, "Channel pruning", section 3.3), not only to write what it wrote.
    """

    def __init__(
        self,
        original: nn.Module,
        layers: Sequence[Layer],
        batches: Sequence[Batch],
        outputs: Mapping[str, Sequence[int]] | None = None,
        *,
        streams: bool = True,
        rows: int = _ROWS,
    ) -> None:
        self.layers = {layer.name: layer for layer in layers}
        self._batches, self._streams, self._rows = batches, streams, rows
        self._outputs = {name: torch.as_tensor(kept) for name, kept in (outputs or {}).items()}
        self._places = [self._choose(original, number, len(batch.indices)) for number, batch in enumerate(batches)]
        numbers = range(len(batches)) if layers else ()
        self._answers = [self._answer(original, number) for number in numbers]

    def _choose(self, original: nn.Module, number: int, examples: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(number)
        real = real_tokens(original, self._batches[number].inputs)  # a row of padding says nothing
        total = sum(len(batch.indices) for batch in self._batches)
        chosen: dict[str, Tensor] = {}
        for layer in self.layers.values():
            wanted = max(self._rows, _ROWS_A_FEATURE * original.get_parameter(layer.name)[0].numel())
            share = wanted / total if layer.is_convolution else wanted * examples / total
            spots = layer.spots if layer.is_convolution else layer.spots * examples // len(self._batches[0].indices)
            candidates = torch.arange(spots)
            mask = None if layer.is_convolution else fitting(real, spots, tokens_first=layer.tokens_first)
            if mask is not None:
                candidates = mask.flatten().nonzero()[:, 0]
            order = candidates[torch.randperm(len(candidates), generator=generator)]
            chosen[layer.name] = order[: max(1, -int(-share // 1))].sort().values
        return chosen

    def _answer(self, original: nn.Module, number: int) -> dict[str, list[Tensor]]:
        found: dict[str, list[Tensor]] = {}

        def take(layer: Layer, rows: Tensor) -> None:
            outputs = self._outputs.get(layer.name)
            found.setdefault(layer.name, []).append(rows if outputs is None else rows[:, outputs])

        def seen(name: str, reading: Reading) -> bool:
            take(self.layers[name], self._written(original, name, reading, number))
            return False

        def summed(item: Sum) -> bool:
            layer = self.layers[item.trail.name]
            if layer.summed and self._streams:
                take(layer, written_rows(item.written, layer.is_convolution, self._places[number][layer.name]))
            return False

        weights = {name: original.get_parameter(name) for name in self.layers}
        watch(original, self._batches[number].inputs, weights, seen=seen, summed=summed)
        return found

    def _written(self, model: nn.Module, name: str, reading: Reading, number: int) -> Tensor:
        """What a layer writes, less the mean that it shifts: what was shifted before is not to be made good again."""
        layer = self.layers[name]
        rows = written_rows(reading.written, layer.is_convolution, self._places[number][name])
        if reading.bias is None and layer.bias is not None:
            rows = rows + model.get_parameter(layer.bias)
        elif reading.bias is not None and layer.bias is None:
            rows = rows - reading.bias  # no parameter: it is added again, whatever is solved
        if layer.mean is not None:
            rows = rows - model.get_buffer(layer.mean)
        return rows.detach()

    def problems(self, model: nn.Module, names: Sequence[str]) -> dict[str, Problem]:
        """What the named layers of ``model`` read, and what they should write, as normal equations.

        A layer that can shift its outputs has a last feature that is always one.
        """
        weights = {name: model.get_parameter(name).detach() for name in names}
        problems = {
            name: Problem.empty(weight[0].numel() + self.layers[name].shifts, len(weight))
            for name, weight in weights.items()
        }
        for number, batch in enumerate(self._batches):
            _Pass(self, model, weights, problems, number).run(batch)
        for problem in problems.values():
            problem.finish()
        return problems


class _Pass:
    """One batch through the model that is solved."""

    def __init__(
        self,
        comparison: Comparison,
        model: nn.Module,
        weights: Mapping[str, Tensor],
        problems: Mapping[str, Problem],
        number: int,
    ) -> None:
        self._comparison, self._model, self._weights = comparison, model, weights
        self._problems, self._number = problems, number
        self._waiting: dict[str, tuple[Tensor, Tensor]] = {}
        self._left = set(weights)

    def run(self, batch: Batch) -> None:
        watch(self._model, batch.inputs, self._weights, seen=self._seen, normed=self._normed, summed=self._summed)

    def _seen(self, name: str, reading: Reading) -> bool:
        layer, places = self._comparison.layers[name], self._comparison._places[self._number][name]
        read = read_rows(reading, self._weights[name], places)
        read = torch.cat([read, torch.ones(len(read), 1)], 1) if layer.shifts else read
        answers = self._comparison._answers[self._number][name]
        if len(answers) == 1:
            return self._add(name, read, answers[0])
        self._waiting[name] = (read, self._comparison._written(self._model, name, reading, self._number))
        return False

    def _normed(self, trail: Trail) -> None:
        if trail.factor is not None:
            self._problems[trail.name].factor = trail.factor.double()

    def _summed(self, item: Sum) -> bool:
        name = item.trail.name
        if name not in self._waiting:
            return False
        layer, places = self._comparison.layers[name], self._comparison._places[self._number][name]
        read, ours = self._waiting.pop(name)
        theirs, stream = self._comparison._answers[self._number][name]
        lacking = stream - written_rows(item.written, layer.is_convolution, places)
        if item.trail.factor is None:
            return self._add(name, read, ours + lacking)
        factor = item.trail.factor
        small = factor.abs() < 0.05 * factor.abs().mean()
        return self._add(name, read, torch.where(small, theirs, ours + lacking / torch.where(small, 1, factor)))

    def _add(self, name: str, read: Tensor, wanted: Tensor) -> bool:
        mean = self._comparison.layers[name].mean
        self._problems[name].add(read, wanted if mean is None else wanted + self._model.get_buffer(mean))
        self._left.discard(name)
        return not self._left


@torch.no_grad()
def flat(model: nn.Module, layer: Layer) -> Tensor:
    """The weights of a layer as a matrix ``(features, outputs)``, with what it adds as the last feature."""
    matrix = model.get_parameter(layer.name).flatten(1).T.double()
    if not layer.shifts:
        return matrix
    shift = torch.zeros(matrix.shape[1]) if layer.bias is None else model.get_parameter(layer.bias)
    return torch.cat([matrix, shift.double()[None]])


@torch.no_grad()
def write(model: nn.Module, layer: Layer, matrix: Tensor) -> None:
    """Write what :func:`flat` reads back into the model; a shift without a bias goes into BatchNorm's mean."""
    weight = model.get_parameter(layer.name)
    if layer.shifts:
        if layer.bias is not None:
            model.get_parameter(layer.bias).copy_(matrix[-1])
        else:
            assert layer.mean is not None
            model.get_buffer(layer.mean).sub_(matrix[-1])
        matrix = matrix[:-1]
    weight.copy_(matrix.T.reshape(weight.shape))
