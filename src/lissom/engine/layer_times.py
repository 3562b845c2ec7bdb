"""The latency of a model spread over its layers: by the target's own profiler, else in proportion to multiply-adds.

A table of latency by layer and width, as in NetAdapt (Yang et al., 2018, section 3.3), with two widths of each layer
and a line between them: the original and the narrowest copy.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lissom.core.cache import remembered
from lissom.core.ledger import Ledger
from lissom.core.machine import describe
from lissom.engine.measuring import Bench
from lissom.plan.allocation import CostModel, Term, Widths
from lissom.targets.target import Artefact
from lissom.workload.workload import Workload

_SECONDS = 1.5
_ENOUGH = 0.5  # of the time that has to be found again in layers with a name


class LayerTimer:
    """Times the layers of the original and of one narrow copy, once for a run; and once for a machine.

    Args:
        ledger: where the times are written down.
        workload: the original.
        bench: the original, loaded.
    """

    def __init__(self, ledger: Ledger, workload: Workload, bench: Bench) -> None:
        self._ledger, self._workload, self._bench = ledger, workload, bench

    @property
    def known(self) -> bool:
        """Whether the layers were timed."""
        return self._ledger.find("layer times") is not None

    def measure(self, copy: Artefact, widths: Widths) -> None:
        """Time the layers of the original and of a copy that was cut to ``widths``."""
        told = self._circumstances(widths)
        with self._bench.progress.waiting("timing the layers"):
            found = remembered(
                "layer-times",
                told,
                lambda: {"full": self._times(self._bench.original), "cut": self._times(copy)},
            )
        self._ledger.append("layer times", "", {"widths": told["widths"], **found})

    def _times(self, artefact: Artefact) -> dict[str, float]:
        bench = self._bench
        return bench.target.layer_times(
            artefact,
            bench.example,
            threads=bench.threads,
            seconds=_SECONDS,
            between=lambda: bench.runner.run(bench.example),
        )

    def _circumstances(self, widths: Widths) -> dict[str, Any]:
        """All that the times depend on: model, target, threads, batch and machine.

        Strides and the like are in the words that modules have for themselves, functions between them are not.
        """
        machine, bench = describe(), self._bench
        return {
            "layers": [[name, *item.shape] for name, item in self._workload.module.named_parameters()],
            "modules": hashlib.sha256(repr(self._workload.module).encode()).hexdigest(),
            "widths": {str(index): width for index, width in sorted(widths.items())},
            "inputs": [list(array.shape) for array in bench.example],
            "target": bench.target.name,
            "threads": bench.threads,
            "machine": [machine.processor, machine.cores, *machine.instructions],
            "versions": bench.target.versions(),
        }

    def applied(self, model: CostModel) -> CostModel:
        """The model with the times of its layers, or as it is where the target does not tell them."""
        known = self._ledger.find("layer times")
        if known is None:
            return model
        widths = {int(index): width for index, width in known["widths"].items()}
        return with_times(model, widths, known["full"], known["cut"])


def with_times(model: CostModel, widths: Widths, full: Mapping[str, float], cut: Mapping[str, float]) -> CostModel:
    """Give each layer the part of its time that goes with its width.

    Args:
        model: groups and costs.
        widths: of the copy that was timed.
        full: milliseconds by the name of a layer's weight, of the original.
        cut: the same of the copy.

    Returns:
        The model with the times; unchanged where more than half of the time belongs to no layer of it.
    """
    names = {term.name for term in model.terms}
    if not full or sum(ms for name, ms in full.items() if name in names) < _ENOUGH * sum(full.values()):
        return model
    return replace(
        model, terms=tuple(replace(term, latency_ms=_timed(term, model, widths, full, cut)) for term in model.terms)
    )


def _timed(term: Term, model: CostModel, widths: Widths, full: Mapping[str, float], cut: Mapping[str, float]) -> float:
    share = term.share(widths, model.full)
    return _shrinking(full.get(term.name, 0.0), cut.get(term.name, 0.0), share)


def _shrinking(full_ms: float, cut_ms: float, share: float) -> float:
    """The time that goes with a layer's share, when ``share`` of it takes ``cut_ms``: at most all of it."""
    if share >= 1:
        return 0.0
    return min(full_ms, max(0.0, (full_ms - cut_ms) / (1 - share)))


def in_proportion(model: CostModel, latency_ms: float) -> CostModel:
    """Spread a latency over the layers as their multiply-adds are: where nothing better is known."""
    macs = max(model.cost("macs", model.full), 1.0)
    return replace(model, terms=tuple(replace(term, latency_ms=latency_ms * term.macs / macs) for term in model.terms))
