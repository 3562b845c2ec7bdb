"""How much each unit of a group matters: small functions from a model and a group to one number a unit."""

import copy
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lissom.core.progress import Progress
from lissom.graph import Coupling, Group, Member
from lissom.workload.workload import Workload, calibration_batches

Importance = dict[int, npt.NDArray[np.float64]]


def fisher(
    workload: Workload,
    coupling: Coupling,
    *,
    examples: int = 1024,
    batch: int = 16,
    seed: int = 0,
    progress: Progress | None = None,
) -> Importance:
    """The loss expected when a unit's mask is moved from one to nothing, to second order.

    A mask of a unit scales what its consumers read, so its derivative is the inner product of a consumer's
    weights with their gradient, over the slices that read the unit. Squared and averaged with answers drawn
    from the model itself it is the Fisher information of the mask (Theis, Korshunova, Tejani and Huszár, 2018,
    "Faster gaze prediction with dense networks and Fisher pruning", section 2). No labels are needed, and
    answers drawn independently make the cross terms of a batch vanish in the mean.

    Args:
        workload: model, task and data.
        coupling: the model's groups.
        examples: pictures (sentences, clips) to look at.
        batch: examples for one derivative; smaller is steadier, larger is faster.
        seed: of the sample and of the answers drawn.
        progress: where to show it.

    Returns:
        For each group's index, ``(units,)``.
    """
    model = copy.deepcopy(workload.module).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    tensors = dict(model.named_parameters(remove_duplicate=False))
    total: Importance = {group.index: np.zeros(group.units) for group in coupling.groups}
    generator = torch.Generator().manual_seed(seed)
    batches = calibration_batches(workload.splits.train, examples=examples, batch=batch, seed=seed)
    seen = 0
    for taken in (progress or Progress(False)).track(batches, "what matters: importance of every unit"):
        model.zero_grad(set_to_none=True)
        workload.task.probe(model(*taken.inputs), generator).backward()
        seen += len(taken.indices)
        for group in coupling.groups:
            total[group.index] += mask_derivative(group, tensors).square().double().numpy()
    return {index: values / max(seen, 1) for index, values in total.items()}


def mask_derivative(group: Group, tensors: Mapping[str, Tensor]) -> Tensor:
    """The derivative of the loss by the mask of each unit, ``(units,)``, from gradients that are there."""
    derivative = torch.zeros(group.units)
    for member in readers(group):
        parameter = tensors.get(member.name)
        if parameter is None or parameter.grad is None:
            continue
        product = (parameter.detach() * parameter.grad).float()
        others = [dim for dim in range(product.dim()) if dim != member.dim]
        along = product.sum(others) if others else product
        derivative += along[torch.as_tensor(member.indices)].sum(1)
    return derivative


def readers(group: Group) -> list[Member]:
    """The members that read the units: the consumers, or where there are none the producers."""
    consumers = [member for member in group.members if member.role == "consumer"]
    return consumers or [member for member in group.members if member.role == "producer"]


def magnitude(workload: Workload, coupling: Coupling) -> Importance:
    """The L2 norm of what produces a unit, over all members of its group: the baseline (Li et al., 2017)."""
    tensors = dict(workload.module.named_parameters(remove_duplicate=False))
    found: Importance = {}
    for group in coupling.groups:
        squares = torch.zeros(group.units, dtype=torch.float64)
        for member in group.members:
            parameter = tensors.get(member.name)
            if member.role != "producer" or parameter is None:
                continue
            others = [dim for dim in range(parameter.dim()) if dim != member.dim]
            square = parameter.detach().double().square()
            along = square.sum(others) if others else square
            squares += along[torch.as_tensor(member.indices)].sum(1)
        found[group.index] = squares.sqrt().numpy()
    return found


def weakest(importance: Importance, keep: dict[int, int]) -> dict[int, tuple[int, ...]]:
    """The units to remove so that ``keep[group]`` of the most important ones are left in each group."""
    removed: dict[int, tuple[int, ...]] = {}
    for index, left in keep.items():
        order = np.argsort(importance[index], kind="stable")
        gone = order[: max(0, len(order) - left)]
        if len(gone):
            removed[index] = tuple(sorted(int(unit) for unit in gone))
    return removed
