"""Criteria that look at the loss around the model: derivatives by units, gathered over batches."""

import copy
from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.graph import Coupling, Group
from lissom.graph.forgetting import forget
from lissom.steps.pruning.importance import Importance, Sample, readers, summed
from lissom.workload.workload import Batch, Workload

Loss = Callable[[Workload, object, Batch, torch.Generator], Tensor]


def fisher(workload: Workload, coupling: Coupling, sample: Sample) -> Importance:
    """The loss expected when a unit's mask is moved from one to nothing, to second order.

    A mask of a unit scales what its consumers read, so its derivative is the inner product of a consumer's
    weights with their gradient, over the slices that read the unit. Squared and averaged with answers drawn
    from the model itself it is the Fisher information of the mask (Theis, Korshunova, Tejani and Huszár, 2018,
    "Faster gaze prediction with dense networks and Fisher pruning", section 2). No labels are needed, and
    answers drawn independently make the cross terms of a batch vanish in the mean.

    Args:
        workload: model, task and data.
        coupling: the model's groups.
        sample: what to look at.

    Returns:
        For each group's index, ``(units,)``.
    """

    def score(group: Group, tensors: Mapping[str, Tensor]) -> Tensor:
        return mask_derivative(group, tensors).square()

    return _gathered(workload, coupling, score, _own_answer, sample)


def obd(workload: Workload, coupling: Coupling, sample: Sample) -> Importance:
    """The loss expected when a unit's weights go one by one: squared weights times their curvature, summed.

    The curvature is the diagonal of the Fisher information (LeCun, Denker and Solla, 1990, "Optimal brain damage",
    equation 5, for groups); what weights of a unit do together is not seen, unlike in :func:`fisher`.
    """

    def score(group: Group, tensors: Mapping[str, Tensor]) -> Tensor:
        total = torch.zeros(group.units, dtype=torch.float64)
        for member in group.members:
            parameter = tensors.get(member.name)
            if parameter is not None and parameter.grad is not None:
                total += summed(member, parameter.detach() * parameter.grad, torch.square)
        return total / 2

    return _gathered(workload, coupling, score, _own_answer, sample)


def taylor(workload: Workload, coupling: Coupling, sample: Sample) -> Importance:
    """The absolute first-order change of the task's loss when a unit goes (Molchanov et al., 2017, "Pruning
    convolutional neural networks for resource efficient inference", equation 8), mean of the batches.

    Raises:
        LissomError: there are no labels: at the model's own answers the first order vanishes.
    """
    if not workload.labelled:
        raise LissomError("the criterion taylor needs labels, and there are none", hint="fisher needs none")

    def score(group: Group, tensors: Mapping[str, Tensor]) -> Tensor:
        return mask_derivative(group, tensors).abs()

    return _gathered(workload, coupling, score, _labelled, sample)


def _own_answer(workload: Workload, outputs: object, batch: Batch, generator: torch.Generator) -> Tensor:
    return workload.task.probe(outputs, generator)


def _labelled(workload: Workload, outputs: object, batch: Batch, generator: torch.Generator) -> Tensor:
    if batch.targets is None:
        raise LissomError("the criterion taylor needs labels, and there are none", hint="fisher needs none")
    return workload.task.loss(outputs, batch.targets) * len(batch.indices)


def _gathered(
    workload: Workload,
    coupling: Coupling,
    score: Callable[[Group, Mapping[str, Tensor]], Tensor],
    loss: Loss,
    sample: Sample,
) -> Importance:
    """The sum of scores over batches with the loss's gradients in place, by example."""
    model = copy.deepcopy(workload.module).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    tensors = dict(model.named_parameters(remove_duplicate=False))
    total: Importance = {group.index: np.zeros(group.units) for group in coupling.groups}
    generator = torch.Generator().manual_seed(sample.seed)
    seen = 0
    for taken in sample.batches(workload, "what matters: importance of every unit"):
        model.zero_grad(set_to_none=True)
        forget(model)  # what it keeps has the history of the last batch
        loss(workload, model(*taken.inputs), taken, generator).backward()
        seen += len(taken.indices)
        for group in coupling.groups:
            total[group.index] += score(group, tensors).double().numpy()
    return {index: values / max(seen, 1) for index, values in total.items()}


def mask_derivative(group: Group, tensors: Mapping[str, Tensor]) -> Tensor:
    """The derivative of the loss by the mask of each unit, ``(units,)``, from gradients that are there."""
    derivative = torch.zeros(group.units, dtype=torch.float64)
    for member in readers(group):
        parameter = tensors.get(member.name)
        if parameter is not None and parameter.grad is not None:
            derivative += summed(member, parameter.detach() * parameter.grad, lambda product: product)
    return derivative
