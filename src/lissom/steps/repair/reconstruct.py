"""Least-squares reconstruction: consumers of removed units learn to write what they wrote before."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.steps.repair.observe import Reading, observe
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Batch, Workload, calibration_batches

_LARGEST = 6000
_ROWS_A_BATCH = 8000


@dataclass(frozen=True)
class Reconstruct(ModelStep):
    """Solve each layer that lost inputs anew, in the order of the forward.

    Its new weights are the least-squares fit from what it reads in the cut model to what the original wrote at
    the outputs that are left, so that a layer also mends what layers before it could not (He, Zhang and Sun,
    2017, "Channel pruning", section 3.1; Luo, Wu and Lin, 2017, "ThiNet", section 3.3). ``ridge`` holds the
    fit to the weights that were cut, in parts of the mean square of an input.
    """

    examples: int = 1024
    batch: int = 128
    ridge: float = 0.01

    name = "reconstruct"

    def describe(self) -> str:
        return "reconstruct"

    def apply(self, workload: Workload, context: Context) -> Workload:
        if workload.cut is None:
            raise LissomError("there is nothing to reconstruct: the model was not cut")
        model = copy.deepcopy(workload.module).eval()
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        original = copy.deepcopy(context.original.module).eval()
        order, skipped = _consumers(original, workload, batches[0])
        for name in context.progress.track(order, "reconstructing", total=len(order)):
            self._solve(name, model, original, workload, batches)
        notes = tuple(f"not reconstructed: {name}" for name in skipped)
        return workload.with_module(model).with_cut(workload.cut, notes)

    def _solve(
        self, name: str, model: nn.Module, original: nn.Module, workload: Workload, batches: Sequence[Batch]
    ) -> None:
        weight, bias = _layer(model, name)
        assert workload.cut is not None
        outputs = workload.cut.kept.get(name, {}).get(0)
        normal = right = None
        generator = torch.Generator().manual_seed(0)
        for batch in batches:
            ours = observe(model, batch.inputs, {name: weight})[name][0]
            theirs = observe(original, batch.inputs, {name: original.get_parameter(name)})[name][0]
            read, wanted = _rows(ours, theirs, weight, outputs, bias is not None, generator)
            normal = read.T @ read if normal is None else normal + read.T @ read
            right = read.T @ wanted if right is None else right + read.T @ wanted
        assert normal is not None and right is not None
        _write(weight, bias, _fit(normal, right, _flat(weight, bias), self.ridge))


def _consumers(original: nn.Module, workload: Workload, batch: Batch) -> tuple[list[str], list[str]]:
    """The weights that lost inputs, in the order of the forward, and those that cannot be solved."""
    assert workload.cut is not None
    parameters = dict(original.named_parameters())
    cut = {
        name: parameters[name]
        for name, dims in workload.cut.kept.items()
        if 1 in dims and name in parameters and parameters[name].dim() > 1
    }
    found = observe(original, batch.inputs, cut, until_all=False)
    solvable = [name for name, calls in found.items() if len(calls) == 1 and _solvable(calls[0], cut[name])]
    return solvable, [name for name in cut if name not in solvable]


def _solvable(reading: Reading, weight: Tensor) -> bool:
    if not reading.is_convolution:
        return weight.shape[1] <= _LARGEST
    plain = reading.groups == 1 and not reading.transposed and weight.dim() == 4
    return plain and weight[0].numel() <= _LARGEST


def _layer(model: nn.Module, name: str) -> tuple[Tensor, Tensor | None]:
    owner, _, leaf = name.rpartition(".")
    biases = dict(model.get_submodule(owner).named_parameters(recurse=False))
    return model.get_parameter(name), biases.get("bias") if leaf == "weight" else None


def _rows(
    ours: Reading,
    theirs: Reading,
    weight: Tensor,
    outputs: Sequence[int] | None,
    with_bias: bool,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """What the layer reads ``(rows, features)`` and should write ``(rows, outputs)``, a sample of places."""
    if ours.is_convolution:
        kernel = weight.shape[2:]
        read = F.unfold(ours.read, kernel, ours.dilation, ours.padding, ours.stride)
        read = read.transpose(1, 2).reshape(-1, read.shape[1])
        wanted = theirs.written.permute(0, 2, 3, 1).reshape(-1, theirs.written.shape[1])
    else:
        read, wanted = ours.read.reshape(-1, ours.read.shape[-1]), theirs.written
        wanted = wanted.reshape(-1, wanted.shape[-1])
    if len(read) > _ROWS_A_BATCH:
        places = torch.randperm(len(read), generator=generator)[:_ROWS_A_BATCH]
        read, wanted = read[places], wanted[places]
    if outputs is not None:
        wanted = wanted[:, torch.as_tensor(outputs)]
    if with_bias:
        read = torch.cat([read, torch.ones(len(read), 1)], dim=1)
    return read.double(), wanted.double()


def _flat(weight: Tensor, bias: Tensor | None) -> Tensor:
    """The layer as a matrix ``(features, outputs)``, the bias as the last feature."""
    matrix = weight.detach().flatten(1).T.double()
    return matrix if bias is None else torch.cat([matrix, bias.detach().double()[None]])


def _fit(normal: Tensor, right: Tensor, before: Tensor, ridge: float) -> Tensor:
    scale = ridge * normal.diagonal().mean()
    system = normal + scale * torch.eye(len(normal), dtype=normal.dtype)
    return torch.linalg.solve(system, right + scale * before)


@torch.no_grad()
def _write(weight: Tensor, bias: Tensor | None, matrix: Tensor) -> None:
    if bias is not None:
        bias.copy_(matrix[-1])
        matrix = matrix[:-1]
    weight.copy_(matrix.T.reshape(weight.shape))
