"""Put factorised layers in the place of others, each solved on what it reads in the model so far."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.replacement import Replacement, put
from lissom.steps.factorization.decomposing import Factors, best_weights
from lissom.steps.factorization.kinds import KINDS, Ranks
from lissom.steps.factorization.moments import Moments, moments
from lissom.steps.factorization.sites import Site, find_sites
from lissom.steps.repair.layers import Comparison, flat
from lissom.workload.workload import Batch, Workload

_MOST_AT_ONCE = 5e7  # entries of normal equations that are held together

_LEAST_RIDGE = 1e-6


@dataclass(frozen=True)
class Choice:
    """What is to stand in for a layer: a kind of ``KINDS`` and its ranks."""

    module: str
    kind: str
    ranks: Ranks


def check_ridge(ridge: float) -> None:
    """Refuse a ridge that holds nothing: what a layer reads is known to seven digits.

    Raises:
        LissomError: it is too small.
    """
    if ridge < _LEAST_RIDGE:
        raise LissomError(f"a ridge of {ridge:g} holds nothing", hint=f"give {_LEAST_RIDGE:g} or more")


def factorised(
    workload: Workload, choices: Sequence[Choice], batches: Sequence[Batch], ridge: float, progress: Progress
) -> Workload:
    """The workload with layers replaced, in the order of the forward.

    Each is the least-squares fit to what the layer wrote before, from what it reads behind the layers that were
    replaced already (Zhang et al., 2016, "Accelerating very deep convolutional networks", section 3.3).

    Raises:
        LissomError: a layer cannot be replaced so.
    """
    if workload.zeros:
        raise LissomError("weights that are held at zero cannot be solved anew", hint="factorise before sparsify")
    model = copy.deepcopy(workload.module).eval()
    before = copy.deepcopy(model)
    by_name = {choice.module: choice for choice in choices}
    sites = find_sites(before, list(by_name), batches[0])
    _check(workload, by_name, sites)
    comparison = Comparison(before, [site.layer for site in sites], batches)
    changes: list[Replacement] = []
    for site in progress.track(sites, "factorising", total=len(sites)):
        choice = by_name[site.module]
        kind = KINDS[choice.kind]
        item = _moments(comparison, model, [site], ridge)[site.module]
        factors = kind.solve(item, best_weights(item), site, choice.ranks)
        change = Replacement(site.module, kind.layer, kind.sizes(site, choice.ranks))
        _put(model, change, site, item, factors)
        changes.append(change)
    return workload.with_module(model).with_changes(changes)


def judged(
    workload: Workload, batches: Sequence[Batch], ridge: float, progress: Progress
) -> Iterator[tuple[Site, Moments]]:
    """Every layer of a workload that can be replaced, with its moments in the model as it is.

    Layers that the workload keeps are not among them.
    """
    model = copy.deepcopy(workload.module).eval()
    names = [name for name, _ in model.named_modules() if name and not workload.leaves_alone(name)]
    sites = find_sites(model, names, batches[0])
    for some in progress.track(list(_portions(sites)), "what layers are worth"):
        comparison = Comparison(model, [site.layer for site in some], batches)
        found = _moments(comparison, model, some, ridge)
        for site in some:
            yield site, found.pop(site.module)


def _portions(sites: Sequence[Site]) -> Iterator[list[Site]]:
    some: list[Site] = []
    held = 0
    for site in sites:
        entries = (site.inputs * site.kernel[0] * site.kernel[1]) ** 2
        if some and held + entries > _MOST_AT_ONCE:
            yield some
            some, held = [], 0
        some.append(site)
        held += entries
    if some:
        yield some


def _moments(comparison: Comparison, model: nn.Module, sites: Sequence[Site], ridge: float) -> dict[str, Moments]:
    problems = comparison.problems(model, [site.layer.name for site in sites])
    return {
        site.module: moments(problems[site.layer.name], flat(model, site.layer), shifts=site.layer.shifts, ridge=ridge)
        for site in sites
    }


def _check(workload: Workload, by_name: dict[str, Choice], sites: Sequence[Site]) -> None:
    found = {site.module: site for site in sites}
    for name, choice in by_name.items():
        if name not in found:
            raise LissomError(
                f"{name!r} is no layer that can be factorised in {workload.name}",
                hint="a plain nn.Linear or nn.Conv2d without groups that is called once",
            )
        kind = KINDS[choice.kind]
        full = kind.full(found[name]) if kind.fits(found[name]) else None
        if full is None:
            raise LissomError(f"{choice.kind} does not fit the layer {name!r}", hint="choose another kind for it")
        if len(full) != len(choice.ranks) or any(
            not 0 < rank <= most for rank, most in zip(choice.ranks, full, strict=False)
        ):
            raise LissomError(f"{name!r} cannot have rank {choice.ranks}", hint=f"at most {full}")


@torch.no_grad()
def _put(model: nn.Module, change: Replacement, site: Site, item: Moments, factors: Factors) -> None:
    layer = change.build()
    weights = [tensor for tensor in layer.parameters() if tensor.dim() > 1]
    for tensor, value in zip(weights, factors.weights, strict=True):
        tensor.copy_(value)
    trained = model.get_parameter(site.layer.name).requires_grad
    layer.requires_grad_(trained)
    shift = item.shift(factors.product)
    if shift is not None:
        if site.biased:
            next(tensor for tensor in layer.parameters() if tensor.dim() == 1).copy_(shift)
        else:
            assert site.layer.mean is not None
            model.get_buffer(site.layer.mean).sub_(shift)
    put(model, site.module, layer)
