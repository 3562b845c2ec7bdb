"""The kinds of factorisation: what stands in for a layer, how its weights are found, and what it costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lissom.steps.factorization import decomposing
from lissom.steps.factorization.decomposing import Factors
from lissom.steps.factorization.moments import Moments
from lissom.steps.factorization.sites import Site

Ranks = tuple[int, ...]


@dataclass(frozen=True)
class Kind:
    """One kind.

    Args:
        layer: name of the layer that stands in, in ``lissom.layers.replacement.LAYERS``.
        fits: whether it can stand in for a layer at all.
        full: the ranks with which nothing is lost.
        sizes: what the layer is built with.
        solve: its weights, from the moments of the layer and the best weights without a limit.
        macs: its multiply-adds for one example.
    """

    layer: str
    fits: Callable[[Site], bool]
    full: Callable[[Site], Ranks]
    sizes: Callable[[Site, Ranks], dict[str, Any]]
    solve: Callable[[Moments, Tensor, Site, Ranks], Factors]
    macs: Callable[[Site, Ranks], int]


def _places(site: Site) -> int:
    return site.kernel[0] * site.kernel[1]


def _spatial_macs(site: Site, ranks: Ranks) -> int:
    columns = site.inputs * site.kernel[0] * site.written[0] * site.read[1]
    return ranks[0] * (columns + site.outputs * site.kernel[1] * site.spots)


def _tucker_macs(site: Site, ranks: Ranks) -> int:
    first, last = ranks
    before = site.inputs * first * site.read[0] * site.read[1]
    return before + (first * last * _places(site) + last * site.outputs) * site.spots


KINDS = {
    "linear": Kind(
        layer="low_rank_linear",
        fits=lambda site: not site.layer.is_convolution,
        full=lambda site: (min(site.inputs, site.outputs),),
        sizes=lambda site, ranks: {
            "inputs": site.inputs,
            "outputs": site.outputs,
            "rank": ranks[0],
            "bias": site.biased,
        },
        solve=lambda item, best, site, ranks: decomposing.low_rank_linear(item, best, ranks[0]),
        macs=lambda site, ranks: ranks[0] * (site.inputs + site.outputs),
    ),
    "channels": Kind(
        layer="low_rank_channels",
        fits=lambda site: site.layer.is_convolution,
        full=lambda site: (min(site.inputs * _places(site), site.outputs),),
        sizes=lambda site, ranks: site.sizes(rank=ranks[0]),
        solve=lambda item, best, site, ranks: decomposing.low_rank_channels(item, best, site.kernel, ranks[0]),
        macs=lambda site, ranks: ranks[0] * (site.inputs * _places(site) + site.outputs) * site.spots,
    ),
    "spatial": Kind(
        layer="low_rank_spatial",
        fits=lambda site: min(site.kernel) > 1,
        full=lambda site: (min(site.inputs * site.kernel[0], site.outputs * site.kernel[1]),),
        sizes=lambda site, ranks: site.sizes(rank=ranks[0]),
        solve=lambda item, best, site, ranks: decomposing.low_rank_spatial(item, best, site.kernel, ranks[0]),
        macs=_spatial_macs,
    ),
    "tucker2": Kind(
        layer="tucker2",
        fits=lambda site: _places(site) > 1,
        full=lambda site: (site.inputs, site.outputs),
        sizes=lambda site, ranks: site.sizes(rank_in=ranks[0], rank_out=ranks[1]),
        solve=lambda item, best, site, ranks: decomposing.tucker2(item, best, site.kernel, (ranks[0], ranks[1])),
        macs=_tucker_macs,
    ),
    "separable": Kind(
        layer="separable",
        fits=lambda site: _places(site) > 1,
        full=lambda site: (min(_places(site), site.outputs),),
        sizes=lambda site, ranks: site.sizes(multiplier=ranks[0]),
        solve=lambda item, best, site, ranks: decomposing.separable(item, best, site.kernel, ranks[0]),
        macs=lambda site, ranks: ranks[0] * site.inputs * (_places(site) + site.outputs) * site.spots,
    ),
}
LOW_RANK = ("linear", "channels", "spatial", "tucker2")
