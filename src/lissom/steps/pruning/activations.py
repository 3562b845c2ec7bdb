"""Criteria that look at what layers read."""

import copy
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group
from lissom.layers.text_model import real_tokens
from lissom.steps.pruning.importance import Importance, Sample
from lissom.steps.repair.observe import Reading, tokens_first, watch, without_padding
from lissom.workload.workload import Workload


def wanda(workload: Workload, coupling: Coupling, sample: Sample) -> Importance:
    """Absolute weights that read a unit, times the norm of what they read there, summed over the readers (Sun et
    al., 2024, "A simple and effective pruning approach for large language models", equation 1, by columns).

    Raises:
        LissomError: a group is read by no linear layer and by no convolution.
    """
    model = copy.deepcopy(workload.module).eval()
    tensors = dict(model.named_parameters())
    names = {member.name for group in coupling.groups for member in group.consumers if member.name in tensors}
    weights = {name: tensors[name] for name in sorted(names) if tensors[name].dim() > 1}
    squares: dict[str, Tensor] = {}
    real: tuple[Tensor, ...] = ()
    by_token: set[str] | None = None

    def seen(name: str, reading: Reading) -> bool:
        if reading.groups == 1:
            read = without_padding(reading, real, tokens_first=name in (by_token or ()))
            found = _by_feature(read, reading.is_convolution)
            squares[name] = squares[name] + found if name in squares else found
        return False

    for taken in sample.batches(workload, "what matters: what layers read"):
        by_token = tokens_first(model, taken.inputs, weights) if by_token is None else by_token
        real = real_tokens(model, taken.inputs)
        watch(model, taken.inputs, weights, seen=seen)
    return {group.index: _score(group, weights, squares) for group in coupling.groups}


def _by_feature(read: Tensor, is_convolution: bool) -> Tensor:
    """The sum of squares of each feature or channel that was read, ``(features,)``."""
    own = 1 if is_convolution else read.dim() - 1
    others = [dim for dim in range(read.dim()) if dim != own]
    return read.detach().square().sum(others, dtype=torch.float64)


def _score(group: Group, weights: Mapping[str, Tensor], squares: Mapping[str, Tensor]) -> npt.NDArray[np.float64]:
    total = torch.zeros(group.units, dtype=torch.float64)
    found = False
    for member in group.consumers:
        if member.name in squares and weights[member.name].shape[member.dim] == len(squares[member.name]):
            weight = weights[member.name].detach().abs()
            along = weight.sum([dim for dim in range(weight.dim()) if dim != member.dim], dtype=torch.float64)
            total += (along * squares[member.name].sqrt())[torch.as_tensor(member.indices)].sum(1)
            found = True
    if not found:
        raise LissomError(
            f"the criterion wanda needs a linear layer or a convolution that reads {group.name}, and there is none",
            hint="choose another criterion, or leave the layer alone with keep",
        )
    return total.numpy()
