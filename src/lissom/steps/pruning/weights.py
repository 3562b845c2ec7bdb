"""Criteria that look at weights alone: no data, no gradients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group
from lissom.steps.pruning.importance import Criterion, Importance, Sample, makers, rows, summed
from lissom.workload.workload import Workload


@dataclass(frozen=True)
class Known:
    """The model, its parameters by name (shared ones under each name), and a source of draws."""

    model: nn.Module
    tensors: Mapping[str, Tensor]
    generator: torch.Generator


def _of_weights(score: Callable[[Group, Known], Tensor]) -> Criterion:
    """A criterion from a function that gives a group's ``(units,)``."""

    def criterion(workload: Workload, coupling: Coupling, sample: Sample) -> Importance:
        tensors = dict(workload.module.named_parameters(remove_duplicate=False))
        known = Known(workload.module, tensors, torch.Generator().manual_seed(sample.seed))
        return {group.index: score(group, known).double().numpy() for group in coupling.groups}

    criterion.__doc__ = score.__doc__
    return criterion


@_of_weights
def l1(group: Group, known: Known) -> Tensor:
    """The sum of the absolute weights that make a unit (Li et al., 2017, "Pruning filters", section 3.1)."""
    return sum((summed(member, known.tensors[member.name], torch.abs) for member in makers(group, known.tensors)),
               torch.zeros(group.units, dtype=torch.float64))  # fmt: skip


def _squares(group: Group, known: Known) -> Tensor:
    return sum((summed(member, known.tensors[member.name], torch.square) for member in makers(group, known.tensors)),
               torch.zeros(group.units, dtype=torch.float64))  # fmt: skip


@_of_weights
def l2(group: Group, known: Known) -> Tensor:
    """The L2 norm of the weights that make a unit, over all members of its group: the baseline (Li et al., 2017)."""
    return _squares(group, known).sqrt()


@_of_weights
def batchnorm_scale(group: Group, known: Known) -> Tensor:
    """The absolute factor that BatchNorm gives a unit (Liu et al., 2017, "Network slimming", section 3)."""
    owners = {
        member.name: member
        for member in group.members
        if isinstance(known.model.get_submodule(member.module), nn.modules.batchnorm._BatchNorm)
        and member.name.endswith("weight")
    }
    if not owners:
        raise LissomError(
            f"the criterion batchnorm-scale needs a BatchNorm on every group, and {group.name} has none",
            hint="choose another criterion, or leave the layer alone with keep",
        )
    scales = [summed(member, known.tensors[name], torch.abs) for name, member in owners.items()]
    return torch.stack(scales).mean(0)


@_of_weights
def fpgm(group: Group, known: Known) -> Tensor:
    """The sum of the distances to all other units' weights: least for what lies in the middle of them and can be
    stood in for (He et al., 2019, "Filter pruning via geometric median", section 3.3)."""
    squares = torch.zeros(group.units, group.units, dtype=torch.float64)
    for member in makers(group, known.tensors):
        own = rows(member, known.tensors[member.name])
        squares += torch.cdist(own, own).double().square()
    return squares.sqrt().sum(1)


@_of_weights
def lamp(group: Group, known: Known) -> Tensor:
    """A unit's squared norm as a share of all that are no smaller (Lee et al., 2021, "Layer-adaptive sparsity for
    the magnitude-based pruning", equation 2), so that layers can be compared."""
    squares = _squares(group, known)
    order = squares.argsort(stable=True)
    above = squares[order].flip(0).cumsum(0).flip(0)
    return torch.zeros_like(squares).index_put((order,), squares[order] / above.clamp(min=1e-300))


@_of_weights
def random(group: Group, known: Known) -> Tensor:
    """A draw between 0 and 1: what any criterion has to beat."""
    return torch.rand(group.units, generator=known.generator, dtype=torch.float64)
