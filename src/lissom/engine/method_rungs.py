"""Rungs of a front that are no cuts: the original with blocks left out, with cheaper layers in the place of others."""

from collections.abc import Sequence

from lissom.core.errors import LissomError, MachineError
from lissom.core.ledger import Ledger
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.ladder import Rung, untrained_drop
from lissom.engine.methods import METHODS
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context, ModelStep, step_from_json


class MethodRungs:
    """Makes rungs by the levels of methods; what the ledger knows is read.

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
        """The levels of a method of ``METHODS`` on the original, from the mildest.

        None where it saves nothing, or where the time limit left none for it; a level that cannot be made is left out.
        """
        if self._ledger.find("levels", method) is None and self._context.deadline.passed():
            self._skip(method, "the time limit left none for it")
            return []
        found: list[Rung] = []
        for number, step in enumerate(reversed(self._levels(method)), start=1):
            key = f"{method} {number}"
            try:
                found.append(self._rung(key, with_repair(step, self._repair)))
            except MachineError:
                raise
            except LissomError as error:
                self._skip(key, error.message)
        return found

    def _levels(self, method: str) -> list[ModelStep]:
        known = self._ledger.find("levels", method)
        if known is None:
            known = []
            original, progress = self._context.original, self._context.progress
            try:
                for step in METHODS.get(method)(original, self._context.seed, progress):
                    known.append(step.to_json())
            except MachineError:
                raise
            except LissomError as error:
                self._skip(f"{method}, milder" if known else method, error.message)
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
        return Rung(name_of(steps), {}, known["kept"], known["drop"], steps)

    def _skip(self, what: str, why: str) -> None:
        self._ledger.once("skipped", what, {"what": what, "why": why})


def name_of(steps: Sequence[ModelStep]) -> str:
    """What a method's step and its repair are called."""
    return " + ".join([steps[0].describe(), *("repair" for _ in steps[1:])])


def with_repair(step: ModelStep, repair: Reconstruct) -> tuple[ModelStep, ...]:
    """A step, and its repair where it has one."""
    return (step, repair) if step.repairable else (step,)
