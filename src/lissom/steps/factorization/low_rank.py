"""Low rank: a layer becomes two or three thinner ones in a row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.listening import looked_at
from lissom.steps.factorization.decomposing import best_weights
from lissom.steps.factorization.factoring import Choice, check_ridge, factorised, judged
from lissom.steps.factorization.kinds import KINDS, LOW_RANK, Ranks
from lissom.steps.factorization.moments import Moments
from lissom.steps.factorization.sites import Site
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.workload.workload import Workload, calibration_batches

_ERRORS = (0.3, 0.15, 0.07)


@dataclass(frozen=True)
class LowRank(ModelStep):
    """Replace layers by ones of low rank, solved by least squares on what they read.

    ``layers`` holds for each its name, the kind (``linear``; ``channels``, ``spatial`` or ``tucker2`` for a
    convolution) and the ranks. ``ridge`` holds each fit to the weights before, in parts of the mean square of an
    input.
    """

    layers: tuple[tuple[str, str, tuple[int, ...]], ...]
    examples: int = 1024
    batch: int = 128
    ridge: float = 0.01

    name = "low_rank"

    def __post_init__(self) -> None:
        check_sizes(self)
        check_ridge(self.ridge)
        for module, kind, _ in self.layers:
            if kind not in LOW_RANK:
                raise LissomError(f"{module!r} cannot become {kind!r}", hint=f"kinds are {', '.join(LOW_RANK)}")

    def describe(self) -> str:
        return f"low rank in {len(self.layers)} layers"

    def apply(self, workload: Workload, context: Context) -> Workload:
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        choices = [Choice(module, kind, tuple(ranks)) for module, kind, ranks in self.layers]
        return factorised(workload, choices, batches, self.ridge, context.progress)


def choose_low_rank(
    workload: Workload,
    error: float,
    *,
    kinds: Sequence[str] = LOW_RANK,
    multiple: int = 4,
    examples: int = 1024,
    batch: int = 128,
    ridge: float = 0.01,
    seed: int = 0,
    progress: Progress | None = None,
) -> LowRank:
    """The step that replaces each layer by the cheapest kind that keeps all but ``error`` of what it writes.

    Ranks come from the energy of the outputs on calibration inputs, not from the weights alone (Zhang et al., 2016,
    "Accelerating very deep convolutional networks", section 3.1; Chen et al., 2021, "DRONE", section 3). A layer that
    would not need fewer multiply-adds stays as it is.

    Args:
        workload: model and data.
        error: the part of the variance of a layer's outputs that may be lost, 0 to 1.
        kinds: which may be used.
        multiple: ranks are rounded up to multiples of it.
        examples: calibration inputs of the training split.
        batch: examples at a time.
        ridge: as in :class:`LowRank`.
        seed: of the sample.
        progress: where to show it.

    Raises:
        LissomError: no layer would need fewer multiply-adds.
    """
    batches = calibration_batches(workload.splits.train, examples=examples, batch=batch, seed=seed)
    chosen: list[tuple[str, str, Ranks]] = []
    for site, item in judged(workload, batches, ridge, progress or Progress(False)):
        best = best_weights(item)
        found = [(kind, _ranks(kind, site, item, best, error, multiple)) for kind in kinds if KINDS[kind].fits(site)]
        macs, kind, ranks = min(
            ((KINDS[kind].macs(site, ranks), kind, ranks) for kind, ranks in found), default=(site.macs, "", ())
        )
        if macs < site.macs:
            chosen.append((site.module, kind, ranks))
    if not chosen:
        raise LissomError(
            f"no layer of {workload.name} needs fewer multiply-adds at an error of {error:g}", hint="allow a larger one"
        )
    return LowRank(tuple(chosen), examples, batch, ridge)


def levels(workload: Workload, seed: int, progress: Progress) -> Iterator[LowRank]:
    """Steps to try, from a large error to a small one.

    Raises:
        LissomError: at the error that it came to no layer would need fewer multiply-adds.
    """
    for error in _ERRORS:
        yield choose_low_rank(workload, error, seed=seed, progress=progress, **looked_at(workload.module))


def _ranks(kind: str, site: Site, item: Moments, best: Tensor, error: float, multiple: int) -> Ranks:
    """The least ranks with which no more than ``error`` is lost; of two, the same share of both."""
    full = KINDS[kind].full(site)

    def at(step: int) -> Ranks:
        share = min(1.0, step * multiple / max(full))
        return tuple(min(most, max(1, -int(-(most * share) // multiple) * multiple)) for most in full)

    def lost(ranks: Ranks) -> float:
        return item.error(KINDS[kind].solve(item, best, site, ranks).product)

    return at(_first(-(-max(full) // multiple), lambda step: lost(at(step)) <= error))


def _first(most: int, enough: Callable[[int], bool]) -> int:
    """The least number from 1 to ``most`` that is enough, where more never is less so; ``most`` if none is."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
