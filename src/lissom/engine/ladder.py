"""A ladder of cuts within the budget, each judged by what it loses with its repair alone, before any training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lissom.core.ledger import Ledger
from lissom.engine.asking import asked
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.measuring import Answers, grades
from lissom.engine.reach import Prober, Reach
from lissom.layers.sequence_runner import ModuleRunner
from lissom.plan.allocation import Widths, allocate, to_json
from lissom.steps.pruning.criteria import weakest
from lissom.steps.pruning.prune import Prune
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import ModelStep
from lissom.workload.workload import Worded, Workload, calibration_batches

# of the parameters and of the multiply-adds that the widest cut keeps
FRONT = ((0.8, 0.7), (0.6, 0.5), (0.45, 0.33), (0.3, 0.2), (0.2, 0.12), (0.12, 0.07))
SHARES = ((1.0, 1.0), (1.0, 0.6), (0.75, 0.5), (0.6, 0.4), (0.45, 0.3), (0.3, 0.2), (0.2, 0.15))
_EXAMPLES, _SAID = 2000, 24
_BATCH = 200


@dataclass(frozen=True)
class Rung:
    """A cut: its widths, the share of the parameters that is left, and what it loses when repaired alone."""

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
        reach: the widest cut within the limits.
        repair: of each cut.
    """

    def __init__(
        self, ledger: Ledger, carrier: Carrier, baseline: Baseline, prober: Prober, reach: Reach, repair: Reconstruct
    ) -> None:
        self._ledger, self._carrier, self._baseline = ledger, carrier, baseline
        self._prober, self._reach, self._repair = prober, reach, repair

    def front(self) -> list[Rung]:
        """Rungs spread over all sizes."""
        found = [rung for shares in FRONT if (rung := self._rung(shares)) is not None]
        return [rung for number, rung in enumerate(found) if number == 0 or rung.widths != found[number - 1].widths]

    def rungs(self, hope: float) -> list[Rung]:
        """Rungs from the widest down to the first that loses more than ``hope`` points."""
        found: list[Rung] = []
        for shares in SHARES:
            rung = self._rung(shares)
            if rung is None or (found and rung.widths == found[-1].widths):
                break
            found.append(rung)
            if rung.drop > hope:
                break
        return found

    def _rung(self, shares: tuple[float, float]) -> Rung | None:
        model = self._prober.model
        if min(shares) == 1:
            widths: Widths | None = self._reach.widths
        else:
            measures = ("parameters", "macs")
            limits = {
                name: share * model.cost(name, self._reach.widths) for name, share in zip(measures, shares, strict=True)
            }
            widths = allocate(model, limits)
        if widths is None:
            return None
        steps = self._steps(widths)
        kept = model.cost("parameters", widths) / model.cost("parameters", model.full)
        key = "/".join(str(share) for share in shares)
        known = self._ledger.find("rung", key)
        if known is None:
            known = {"drop": self._drop(steps), "kept": kept, "widths": to_json(widths, model.choices)}
            self._ledger.append("rung", key, known)
        return Rung(widths, kept, known["drop"], steps)

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
    """Outputs on a sample of the select split, and which examples they are of."""
    runner, split = asked(ModuleRunner(workload.module), workload), workload.splits.select
    said = isinstance(split, Worded)  # token by token, which takes its time
    examples, batch = (_SAID, 1) if said else (_EXAMPLES, _BATCH)
    batches = calibration_batches(split, examples=examples, batch=batch, seed=0)
    outputs: list[Any] = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in batches]
    return np.concatenate(outputs), np.concatenate([batch.indices.numpy() for batch in batches])
