"""Torch-Pruning on the same weights: each of its criteria, over layers and over the whole network, at the same cost."""

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

from lissom.cost import profile
from lissom.workload.workload import Batch, Workload

SCOPES = ("local", "global")
_HALVINGS = 12
_SINGLY = 2  # batches of which every example is derived by itself, in each of the halvings


def criteria() -> dict[str, Callable[[], Any]]:
    """The criteria by the name they have here."""
    from torch_pruning import importance

    return {
        "L1 over groups": lambda: importance.GroupMagnitudeImportance(p=1),
        "L2 over groups": lambda: importance.GroupMagnitudeImportance(p=2),
        "BatchNorm scale": importance.BNScaleImportance,
        "LAMP": importance.LAMPImportance,
        "FPGM": importance.FPGMImportance,
        "Taylor over groups": importance.GroupTaylorImportance,
        "Hessian over groups": importance.GroupHessianImportance,
        "random": importance.RandomImportance,
    }


def macs(module: nn.Module, example: tuple[torch.Tensor, ...]) -> int:
    """Multiply-adds of one example, attention included."""
    costs = profile(module, example)
    return costs.macs + costs.attention_macs


def cut(workload: Workload, criterion: str, scope: str, share: float, batches: list[Batch]) -> nn.Module:
    """A copy of the model cut to ``share`` of the multiply-adds: the ratio is halved in on, as the tool has none.

    Args:
        workload: the original.
        criterion: a name of :func:`criteria`.
        scope: ``local`` cuts all layers alike, ``global`` ranks them together.
        share: of the multiply-adds to keep.
        batches: what criteria with derivatives look at.
    """
    allowed = share * macs(workload.module, workload.example)
    low, high, best = 0.0, 1.0, None
    for _ in range(_HALVINGS):
        ratio = (low + high) / 2
        try:
            made = at(workload, criterion, scope, ratio, batches)
            small = macs(made, workload.example) <= allowed
        except Exception as error:  # a layer that was emptied
            made, small = error, True
        if small and isinstance(made, nn.Module):
            best = made
        low, high = (low, ratio) if small else (ratio, high)
    if best is None:
        raise RuntimeError(f"Torch-Pruning with {criterion}, {scope}, has no cut to {share:.0%} that runs")
    return best


def at(workload: Workload, criterion: str, scope: str, ratio: float, batches: list[Batch]) -> nn.Module:
    """A copy of the model cut by a ratio of the channels."""
    import torch_pruning

    module = copy.deepcopy(workload.module).eval().requires_grad_(True)
    importance = criteria()[criterion]()
    last = [part for part in module.modules() if isinstance(part, nn.Linear)]
    torch.manual_seed(0)
    pruner = torch_pruning.pruner.BasePruner(
        module,
        workload.example[0],
        importance,
        global_pruning=scope == "global",
        pruning_ratio=ratio,
        ignored_layers=last[-1:],
    )
    _derive(module, importance, criterion, batches)
    pruner.step()
    module.zero_grad(set_to_none=True)
    return module.eval()


def _derive(module: nn.Module, importance: Any, criterion: str, batches: list[Batch]) -> None:
    """The gradients that a criterion wants to find on the parameters."""
    if criterion.startswith("Taylor"):
        for loss in _losses(module, batches):
            loss.mean().backward()
    elif criterion.startswith("Hessian"):
        importance.zero_grad()
        for single in _losses(module, _one_by_one(batches[:_SINGLY])):
            module.zero_grad(set_to_none=True)
            single.sum().backward()
            importance.accumulate_grad(module)


def _one_by_one(batches: list[Batch]) -> Iterator[Batch]:
    for batch in batches:
        assert batch.targets is not None
        for at in range(len(batch.targets)):
            one = slice(at, at + 1)
            yield Batch(tuple(part[one] for part in batch.inputs), batch.targets[one], batch.indices[one])


def _losses(module: nn.Module, batches: Iterable[Batch]) -> Iterator[torch.Tensor]:
    for batch in batches:
        yield nn.functional.cross_entropy(module(*batch.inputs), batch.targets, reduction="none")
