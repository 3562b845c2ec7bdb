"""What may be cut, how much it matters and what it costs: a model turned into the numbers a plan is made of."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.cost import Profile, profile
from lissom.graph import Coupling, Group, capture, couple, prune
from lissom.plan.allocation import Choice, CostModel, Side, Term
from lissom.steps.pruning.criteria import Sample, fisher
from lissom.workload.workload import Lengthy, Workload


def analyse(workload: Workload, coupling: Coupling, sample: Sample) -> dict[str, Any]:
    """Groups and the importance of their units, judged on a sample, as plain values for the ledger."""
    importance = fisher(workload, coupling, sample)
    return {
        "groups": [
            {
                "index": group.index,
                "name": group.name,
                "kind": group.kind,
                "least": group.min_units,
                "importance": importance[group.index].tolist(),
            }
            for group in coupling.groups
        ],
        "unknown": dict(coupling.unknown),
        "notes": list(coupling.notes),
    }


def coupled(workload: Workload) -> Coupling:
    """The coupling of a workload's model, without groups whose cut would tie it to one length of input."""
    found = couple(capture(workload.module, workload.example), keep=workload.keep)
    if not isinstance(workload.splits.train, Lengthy):
        return found
    whole = [group for group in found.groups if group.kind != "head size"]
    if _keeps_class(workload, found, whole):
        return replace(found, groups=tuple(whole))
    left = [group for group in whole if not _keeps_class(workload, found, [group])]
    names = ", ".join(group.name for group in left)
    note = f"{names}: with fewer units the model would take one length of input alone, so all stay"
    kept = tuple(group for group in whole if group not in left)
    return replace(found, groups=kept, notes=(*found.notes, *([note] if left else [])))


def _keeps_class(workload: Workload, coupling: Coupling, groups: Sequence[Group]) -> bool:
    """Whether the model's own class can express that half of each of some groups is gone; of one group that cannot be
    cut so, nothing is known."""
    half = {group.index: range(group.units - max(group.min_units, group.units // 2)) for group in groups}
    try:
        cut = coupling.cut(half)
    except LissomError:  # half of all together is more than some layer can spare
        return len(groups) == 1
    return prune(workload.module, cut, coupling=coupling).own_class


def cost_model(
    workload: Workload, coupling: Coupling, analysis: Mapping[str, Any], multiple: int, grain: int = 1
) -> CostModel:
    """Choices and terms for :func:`lissom.plan.allocation.allocate` (see its ``Choice`` for the last two)."""
    choices = tuple(
        Choice(
            index=group["index"],
            name=group["name"],
            importance=tuple(group["importance"]),
            least=group["least"],
            multiple=multiple,
            grain=grain,
        )
        for group in analysis["groups"]
    )
    return CostModel(choices, _terms(workload, coupling.groups, profile(workload.module, workload.example)))


def _terms(workload: Workload, groups: tuple[Group, ...], costs: Profile) -> tuple[Term, ...]:
    """One for each parameter, tied ones under the name that their groups have for them."""
    owners: dict[tuple[str, int], dict[int, list[int]]] = {}
    for group in groups:
        for member in group.members:
            of_place = owners.setdefault((member.name, member.dim), {})
            for place in member.indices.ravel().tolist():
                of_place.setdefault(place, []).append(group.index)
    parts = {side: tuple(Tally(map(tuple, of_place.values())).items()) for side, of_place in owners.items()}
    cut, named = {name for name, _ in parts}, dict[int, tuple[str, nn.Parameter]]()
    for name, parameter in workload.module.named_parameters(remove_duplicate=False):
        if name in cut or id(parameter) not in named:
            named[id(parameter)] = (name, parameter)
    work = _work(workload.module, costs)
    terms: list[Term] = []
    for place, (name, parameter) in named.items():
        dims = [dim for dim in range(parameter.dim()) if (name, dim) in parts]
        sides = tuple(Side(parameter.shape[dim], parts[name, dim]) for dim in dims)
        terms.append(Term(name, parameter.numel(), work[place], sides))
    return tuple(terms)


def _work(module: nn.Module, costs: Profile) -> Tally[int]:
    """Multiply-adds by the identity of a parameter: the largest of its layer's, of all layers that hold it."""
    macs = {layer.name: layer.macs + layer.attention_macs for layer in costs.layers}
    work = Tally[int]()
    for name, owner in module.named_modules():
        own = list(owner.parameters(recurse=False))
        if own:
            work[id(max(own, key=Tensor.numel))] += macs.get(name, 0)
    return work
