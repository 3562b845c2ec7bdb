"""Rungs of a front that are no cuts: the original with blocks left out, with cheaper layers in the place of others."""

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.ladder import Rung, untrained_drop
from lissom.engine.methods import METHODS
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context, ModelStep, step_from_json


class Rewriter:
    """Makes rungs by a method's own levels; what the ledger knows is read.

    Args:
        ledger: where levels and rungs are kept.
        context: the original, and the rest that steps look at.
        carrier: applies a level, and keeps the result for the trial that may follow.
        baseline: the original, measured.
        repair: of what can be repaired.
    """

    def __init__(
        self, ledger: Ledger, context: Context, carrier: Carrier, baseline: Baseline, repair: Reconstruct
    ) -> None:
        self._ledger, self._context, self._carrier, self._baseline = ledger, context, carrier, baseline
        self._repair = repair

    def rungs(self, method: str) -> list[Rung]:
        """The levels of a method of ``METHODS`` on the original, from the mildest; none where it saves nothing."""
        levels = [repaired(step, self._repair) for step in reversed(self._levels(method))]
        return [self._rung(f"{method} {number}", steps) for number, steps in enumerate(levels, start=1)]

    def _levels(self, method: str) -> list[ModelStep]:
        known = self._ledger.find("levels", method)
        if known is None:
            known = []
            original, progress = self._context.original, self._context.progress
            try:
                known.extend(step.to_json() for step in METHODS.get(method)(original, self._context.seed, progress))
            except LissomError as error:
                what = f"{method}, milder" if known else method
                self._ledger.append("skipped", what, {"what": what, "why": error.message})
            self._ledger.append("levels", method, known)
        steps = [step_from_json(step) for step in known]
        return [step for step in steps if isinstance(step, ModelStep)]

    def _rung(self, key: str, steps: tuple[ModelStep, ...]) -> Rung:
        known = self._ledger.find("rung", key)
        if known is None:
            workload, _ = self._carrier.model(steps)
            kept = workload.parameters / self._context.original.parameters
            known = {"drop": untrained_drop(workload, self._baseline), "kept": kept}
            self._ledger.append("rung", key, known)
        return Rung(steps[0].describe(), {}, known["kept"], known["drop"], steps)


def repaired(step: ModelStep, repair: Reconstruct) -> tuple[ModelStep, ...]:
    """A step, and its repair where it has one."""
    return (step, repair) if step.repairable else (step,)
