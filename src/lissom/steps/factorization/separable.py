"""The depthwise-separable rewrite: a convolution becomes a depthwise and a pointwise one, as in MobileNet."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.steps.factorization.factoring import Choice, check_ridge, factorised
from lissom.steps.factorization.kinds import KINDS
from lissom.steps.factorization.sites import find_sites
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.workload.workload import Workload, calibration_batches


@dataclass(frozen=True)
class SeparableConvolution(ModelStep):
    """Replace convolutions by depthwise-separable ones, solved by alternating least squares on what they read.

    ``layers`` holds for each its name and how many filters each input channel gets. ``ridge`` holds each fit to the
    weights before, in parts of the mean square of an input.
    """

    layers: tuple[tuple[str, int], ...]
    examples: int = 1024
    batch: int = 128
    ridge: float = 0.01

    name = "separable"

    def __post_init__(self) -> None:
        check_sizes(self)
        check_ridge(self.ridge)

    def describe(self) -> str:
        return f"{len(self.layers)} convolutions become separable"

    def apply(self, workload: Workload, context: Context) -> Workload:
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        choices = [Choice(module, "separable", (multiplier,)) for module, multiplier in self.layers]
        return factorised(workload, choices, batches, self.ridge, context.progress)


def choose_separable(
    workload: Workload,
    *,
    multiplier: int = 1,
    saving: float = 0.5,
    examples: int = 1024,
    batch: int = 128,
    ridge: float = 0.01,
) -> SeparableConvolution:
    """The step that makes every convolution separable of which that saves enough multiply-adds.

    Args:
        workload: model and data.
        multiplier: filters for each input channel.
        saving: the part of a layer's multiply-adds that has to go, 0 to 1.
        examples, batch, ridge: as in :class:`SeparableConvolution`.

    Raises:
        LissomError: it saves nothing anywhere.
    """
    kind = KINDS["separable"]
    module = copy.deepcopy(workload.module).eval()
    names = [name for name, _ in module.named_modules() if name and not workload.leaves_alone(name)]
    taken = calibration_batches(workload.splits.train, examples=1, batch=1, seed=0)[0]
    layers = tuple(
        (site.module, multiplier)
        for site in find_sites(module, names, taken)
        if kind.fits(site)
        and multiplier <= kind.full(site)[0]
        and kind.macs(site, (multiplier,)) <= (1 - saving) * site.macs
    )
    if not layers:
        raise LissomError(
            f"no convolution of {workload.name} saves {saving:.0%} of its multiply-adds when it is separable",
            hint="allow a smaller saving, or fewer filters for each channel",
        )
    return SeparableConvolution(layers, examples, batch, ridge)


def levels(workload: Workload, seed: int, progress: Progress) -> Iterator[SeparableConvolution]:
    """Steps to try, from one filter for each channel to two.

    Raises:
        LissomError: with as many filters as it came to nothing is saved anywhere.
    """
    for multiplier in (1, 2):
        yield choose_separable(workload, multiplier=multiplier)
