"""A ladder of cuts within the budget, each judged by what it loses with its repair alone, before any training."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.engine.asking import asked
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.measuring import Answers, answers, grades
from lissom.engine.reach import Prober, Reach
from lissom.layers.sequence_runner import ModuleRunner
from lissom.plan.allocation import Widths, allocate, to_json
from lissom.steps.pruning.criteria import weakest
from lissom.steps.pruning.prune import Prune
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import ModelStep
from lissom.workload.workload import Chained, Worded, Workload, calibration_batches, looks_at

# of the parameters and of the multiply-adds that the widest cut keeps
FRONT = ((0.8, 0.7), (0.6, 0.5), (0.45, 0.33), (0.3, 0.2), (0.2, 0.12), (0.12, 0.07))
SHARES = ((1.0, 1.0), (1.0, 0.6), (0.75, 0.5), (0.6, 0.4), (0.45, 0.3), (0.3, 0.2), (0.2, 0.15))
_NARROWEST = "narrowest"
_EXAMPLES, _SAID, _CHAINED = 2000, 24, 600  # in all, where tokens are said, where answers build on answers
_BATCH = 200


@dataclass(frozen=True)
class Rung:
    """A smaller model: the share of the parameters that is left, what it loses when repaired alone, and its steps.

    ``name`` is for people. ``widths`` are those of a cut; what another method made has none (see
    :mod:`lissom.engine.method_rungs`).
    """

    name: str
    widths: Widths
    kept: float
    drop: float
    steps: tuple[ModelStep, ...]


class Ladder:
    """Makes rungs one after the other; one that the ledger knows is read.

    Args:
        ledger: where rungs are kept.
        carrier: applies the cut and its repair, and keeps the result for the trial that may follow.
        baseline: the original.
        prober: groups, importance and costs.
        reach: the widest cut within the limits, or the narrowest that there is where none is within them.
        repair: of each cut.
    """

    def __init__(
        self, ledger: Ledger, carrier: Carrier, baseline: Baseline, prober: Prober, reach: Reach, repair: Reconstruct
    ) -> None:
        self._ledger, self._carrier, self._baseline = ledger, carrier, baseline
        self._prober, self._reach, self._repair = prober, reach, repair

    def front(self) -> list[Rung]:
        """Rungs spread over all sizes; none where the widest of them is narrower than the model can be cut."""
        return [self._rung(*cut) for cut in self._cuts(FRONT, self._reach.widths)]

    def rungs(self, hope: float, *, reachable: bool = True) -> list[Rung]:
        """Rungs from the widest down to the first that loses more than ``hope`` points.

        Args:
            hope: points that a recovery may make good.
            reachable: whether any cut is within the limits: the widest of those is the first then. Else the rungs are
                spread over all sizes, and the last is the narrowest cut that there is.
        """
        widest, model = self._reach.widths, self._prober.model
        cuts = self._cuts(SHARES, widest) if reachable else self._cuts(FRONT, model.full, (_NARROWEST, widest))
        found: list[Rung] = []
        for cut in cuts:
            found.append(self._rung(*cut))
            if found[-1].drop > hope:
                break
        return found

    def _cuts(
        self, shares: Sequence[tuple[float, float]], whole: Widths, *others: tuple[str, Widths]
    ) -> Iterator[tuple[str, Widths]]:
        """Names and widths of cuts to shares of a whole, then of others, without what cannot be had or comes again."""
        model, last = self._prober.model, None
        full = {name: model.cost(name, whole) for name in ("parameters", "macs")}
        for share in shares:
            limits = {name: part * full[name] for name, part in zip(full, share, strict=True)}
            widths = whole if min(share) == 1 else allocate(model, limits)
            if widths is not None and widths != last:
                yield "/".join(str(part) for part in share), widths
                last = widths
        yield from ((name, widths) for name, widths in others if widths != last)

    def _rung(self, name: str, widths: Widths) -> Rung:
        model, steps = self._prober.model, self._steps(widths)
        kept = model.cost("parameters", widths) / model.cost("parameters", model.full)
        known, told = self._ledger.find("rung", name), to_json(widths, model.choices)
        if known is None or known["widths"] != told:  # an earlier version may have counted costs otherwise
            known = {"drop": self._drop(steps), "kept": kept, "widths": told}
            self._ledger.append("rung", name, known)
        return Rung(f"prune {1 - kept:.1%} + repair", widths, kept, known["drop"], steps)

    def _steps(self, widths: Mapping[int, int]) -> tuple[ModelStep, ...]:
        names = {choice.index: choice.name for choice in self._prober.model.choices}
        removed = weakest(self._prober.importance, dict(widths))
        prune = Prune(tuple((index, names[index], units) for index, units in sorted(removed.items())))
        return prune, self._repair

    def _drop(self, steps: tuple[ModelStep, ...]) -> float:
        return untrained_drop(self._carrier.model(steps)[0], self._baseline)


def untrained_drop(workload: Workload, baseline: Baseline) -> float:
    """Points that a changed model loses on a sample of the select split."""
    ours, places = _answers(workload)
    select = baseline.select
    theirs = Answers(select.outputs[places], None if select.targets is None else select.targets[places])
    graded = [grades(workload, found, theirs) for found in (theirs, Answers(ours, theirs.targets))]
    return workload.task.score(graded[0]) - workload.task.score(graded[1])


def _answers(workload: Workload) -> tuple[np.ndarray, np.ndarray]:
    """Outputs on a sample of the select split, and which examples they are of; the mean of several looks."""
    runner, split = asked(ModuleRunner(workload.module), workload), workload.splits.select
    if isinstance(split, Chained):
        part, rows = split.some(_CHAINED)
        return answers(runner, part, Progress(enabled=False), "").outputs, rows
    said = isinstance(split, Worded)  # token by token, which takes its time
    examples, batch = (_SAID, 1) if said else (_EXAMPLES, _BATCH)
    found: list[Any] = []
    places: list[Any] = []
    for look in looks_at(split):
        batches = calibration_batches(look, examples=examples, batch=batch, seed=0)
        outputs = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in batches]
        found.append(np.concatenate(outputs))
        places.append(np.concatenate([batch.indices.numpy() for batch in batches]))
    return found[0] if len(found) == 1 else np.mean(found, axis=0), places[0]  # the same examples in each
