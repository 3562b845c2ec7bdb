"""What is reachable: cut but untrained copies, exported and measured, and the widths that meet the limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lissom.core.ledger import Ledger
from lissom.core.records import Figures
from lissom.core.units import format_bytes, format_ms
from lissom.engine.layer_times import LayerTimer, in_proportion
from lissom.engine.measuring import Bench
from lissom.engine.probing import measure_copy
from lissom.plan.allocation import CostModel, Widths, allocate, narrowest
from lissom.plan.budget import Budget
from lissom.steps.pruning.criteria import weakest
from lissom.steps.pruning.prune import without
from lissom.steps.step import Context

_AIM = 0.93  # of a limit: where an artefact comes to lie in memory is worth several percent of its time
_NEAR, _SAFE = 0.85, 0.95  # a cut between the two is taken: nearer to the limit another measurement may miss it
_PROBES = 4
# what the widths are chosen by, and the limits that it serves
_DRIVES = {"latency_ms": ("latency",), "macs": ("macs",), "parameters": ("size", "memory", "parameters")}


@dataclass(frozen=True)
class Reach:
    """Widths, the number format they are meant for, and what they were measured to cost there.

    ``usage`` is by measure, as a share of the limit.
    """

    widths: Widths
    precision: str
    usage: dict[str, float]
    lost: float

    @property
    def within(self) -> bool:
        """Whether every limit is met."""
        return all(share <= 1 for share in self.usage.values())


class Prober:
    """Measures cut copies of a workload, each once.

    Args:
        ledger: where measurements are kept.
        context: the original, the target and the rest that steps look at.
        bench: the original, loaded.
        original: its figures.
        model: groups and costs.
        timer: times the layers of the first copy, so that limits on latency know which layers take it.
    """

    def __init__(
        self,
        ledger: Ledger,
        context: Context,
        bench: Bench,
        original: Figures,
        model: CostModel,
        timer: LayerTimer | None = None,
    ) -> None:
        self._ledger, self._context, self._bench, self._timer = ledger, context, bench, timer
        self.original, self.model = original, in_proportion(model, original.latency_ms)
        self.importance = {choice.index: np.asarray(choice.importance) for choice in model.choices}

    def measure(self, widths: Widths) -> dict[str, dict[str, float]]:
        """Size, latency (as a share of the original's), memory, macs and parameters by number format."""
        key = ",".join(f"{index}:{width}" for index, width in sorted(widths.items()))
        found = self._ledger.find("probe", key)
        if found is None:
            with self._context.progress.waiting("measuring what is reachable"):
                found = self._measure(widths)
            self._ledger.append("probe", key, found)
        return found

    def _measure(self, widths: Widths) -> dict[str, dict[str, float]]:
        workload = without(self._context.original, weakest(self.importance, widths))
        timer = self._timer
        if timer is None or timer.known:
            return measure_copy(workload, self._context, self._bench)
        return measure_copy(workload, self._context, self._bench, seen=lambda made: timer.measure(made, widths))

    def use_times(self) -> None:
        """From here on latency is spread over the layers as they were timed."""
        if self._timer is not None:
            self.model = self._timer.applied(self.model)

    def usage(self, measured: Mapping[str, float], budget: Budget) -> dict[str, float]:
        """What was measured as a share of each limit."""
        shares: dict[str, float] = {}
        for limit in budget.costs:
            used = measured[limit.measure]
            if limit.measure == "latency":
                used *= self.original.latency_ms
            shares[limit.measure] = used / limit.allowed(self.original)
        return shares

    def lost(self, widths: Widths) -> float:
        """Importance lost at these widths."""
        return sum(choice.lost(choice.units, widths[choice.index]) for choice in self.model.choices)


def reachable(prober: Prober, budget: Budget) -> dict[str, Reach]:
    """The narrowest model by number format: what no step goes below."""
    widths = narrowest(prober.model)
    measured = prober.measure(widths)
    prober.use_times()
    return {name: Reach(widths, name, prober.usage(measured[name], budget), prober.lost(widths)) for name in measured}


def whole(prober: Prober, budget: Budget, precision: str) -> Reach:
    """The whole network in a number format."""
    widths = prober.model.full
    return Reach(widths, precision, prober.usage(prober.measure(widths)[precision], budget), 0.0)


def fitting(prober: Prober, budget: Budget, precision: str) -> Reach | None:
    """The widest cut that keeps within the limits in a number format, found by measuring.

    Limits on the artefact are turned into limits on parameters, multiply-adds and the time of layers: at first along
    the line between the narrowest cut and the whole network, then by what the cuts tried so far were measured to take.
    """
    model = prober.model
    allowed = {measure: model.cost(measure, model.full) for measure in _DRIVES}
    seen: dict[str, tuple[float, float]] = {}
    for widths in (narrowest(model), model.full):
        usage = prober.usage(prober.measure(widths)[precision], budget)
        allowed = _corrected(allowed, widths, usage, model, seen)
    safe: list[Reach] = []
    tight: list[Reach] = []
    for _ in range(_PROBES):
        widths = allocate(model, allowed)
        if widths is None:
            break
        usage = prober.usage(prober.measure(widths)[precision], budget)
        tried = Reach(widths, precision, usage, prober.lost(widths))
        if tried.within:
            (safe if max(usage.values()) <= _SAFE else tight).append(tried)
        if tried.within and _NEAR <= max(usage.values()) <= _SAFE:
            break
        allowed = _corrected(allowed, widths, usage, model, seen)
    if safe:
        return min(safe, key=lambda reach: reach.lost)
    return min(tight, key=lambda reach: max(reach.usage.values()), default=None)


def _corrected(
    allowed: Mapping[str, float],
    widths: Widths,
    usage: Mapping[str, float],
    model: CostModel,
    seen: dict[str, tuple[float, float]],
) -> dict[str, float]:
    """Move each limit on the model to where its measurement will be at the aim.

    The first time in proportion, then along the line through the last two measurements (the secant method), which
    sees what an artefact costs besides its layers. ``seen`` keeps the last cost and share of each.
    """
    moved = dict(allowed)
    for measure, driven in _DRIVES.items():
        shares = [usage[name] for name in driven if name in usage]
        if shares:
            cost, share = model.cost(measure, widths), max(*shares, 1e-6)
            moved[measure] = _where_it_aims(cost, share, seen.get(measure))
            seen[measure] = (cost, share)
    return moved


def _where_it_aims(cost: float, share: float, before: tuple[float, float] | None) -> float:
    """The cost at which a share of ``_AIM`` is expected."""
    in_proportion = cost * _AIM / share
    if before is None or cost == before[0]:
        return in_proportion
    slope = (share - before[1]) / (cost - before[0])
    if slope <= 0:  # noise
        return in_proportion
    return max(cost + (_AIM - share) / slope, in_proportion / 4)


def reach_record(reach: Reach, measured: Mapping[str, Any]) -> dict[str, Any]:
    """A record of what is reachable, for the report."""
    return {
        "name": reach.precision,
        "size_bytes": measured["size"],
        "latency_ratio": measured["latency"],
        "macs": measured["macs"],
        "within": reach.within,
    }


def range_words(
    least: Mapping[str, Mapping[str, float]], middle: Mapping[str, Mapping[str, float]], original: Figures
) -> str:
    """What is to be had, in a sentence: sizes and latencies of the narrowest cut, one of about half, the original.

    Args:
        least: measurements of the narrowest cut by number format (see :meth:`Prober.measure`).
        middle: of a cut to half of the parameters and multiply-adds.
        original: its figures.
    """

    def told(found: Mapping[str, Mapping[str, float]]) -> str:
        size = min(item["size"] for item in found.values())
        return (
            f"{format_bytes(size)}, {format_ms(min(item['latency'] for item in found.values()) * original.latency_ms)}"
        )

    whole = f"{format_bytes(original.size_bytes)}, {format_ms(original.latency_ms)}"
    return f"within reach, before any training: from {told(least)}, by way of {told(middle)} at half, to {whole}"
