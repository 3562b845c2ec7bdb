"""One move tried: carried out, measured beside the original, kept or undone, written down."""

import json
import math
import time
from dataclasses import dataclass, replace

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.cost import profile
from lissom.engine.baseline import Baseline, without_samples
from lissom.engine.carrying import Carrier
from lissom.engine.decisions import Decision, clear, decide, overshoot
from lissom.engine.measuring import Comparison
from lissom.plan.budget import Budget
from lissom.plan.move import Move, Plan
from lissom.steps.step import ModelStep, Step
from lissom.targets.target import RefusedError


@dataclass(frozen=True)
class State:
    """What stands: the steps kept so far, how their artefact compares with the original (``None``: not made yet), and
    what they are called together."""

    steps: tuple[Step, ...] = ()
    comparison: Comparison | None = None
    name: str = ""

    def with_move(self, move: Move) -> Move:
        """The steps so far and a move on top, as one move."""
        said = move.name.startswith(self.name)
        return Move(move.name if said else f"{self.name} + {move.name}", (*self.steps, *move.steps))


@dataclass(frozen=True)
class Tried:
    """A state that was measured, and whether it was kept."""

    state: State
    trial: Trial
    overshoot: float


class Trials:
    """Tries moves one after the other; a trial that the ledger knows is read, not run.

    A move that the target refuses is undone, like one that loses too much.
    """

    def __init__(self, ledger: Ledger, carrier: Carrier, baseline: Baseline, budget: Budget) -> None:
        self._ledger, self._carrier = ledger, carrier
        self._baseline, self._budget = baseline, budget
        self.tried: list[Tried] = []

    def try_move(self, state: State, move: Move, *, rewritten: bool = False, instead: Tried | None = None) -> Tried:
        """Apply ``move`` on top of ``state``, measure it, and decide (see :func:`lissom.engine.decisions.decide`).

        Args:
            state: what it is applied to, and compared with.
            move: what is tried.
            rewritten: whether it makes other layers of those that are there.
            instead: what it would take the place of: it is kept only where it loses less than that.
        """
        number = len(self.tried) + 1
        whole = state.with_move(move)
        trial = self._ledger.get(Trial, str(number))
        if trial is not None:
            _check_same(trial, move)
        else:
            trial = self._run(number, state, whole, move, rewritten, instead)
            self._ledger.append("plan", str(number), Plan((whole,)).to_json())
            self._ledger.put(trial, str(number))
        comparison = _comparison(trial)
        tried = Tried(State(whole.steps, comparison, whole.name), trial, self._overshoot(comparison))
        self.tried.append(tried)
        decision = "kept" if trial.kept else "undone"
        self._baseline.bench.progress.say(f"{trial.move}: {decision}, {trial.reason}")
        return tried

    def _overshoot(self, found: Comparison | None) -> float:
        if found is None:
            return math.inf
        return overshoot(self._budget.check(self._baseline.figures, found.figures, found.drop, found.latency_ratio))

    def loses(self, tried: Tried) -> bool:
        """Whether it loses more score than the budget allows, or could not be made at all."""
        found = tried.state.comparison
        if found is None:
            return True
        original = self._baseline.figures
        return not self._budget.drop.check(original, found.figures, found.drop, found.latency_ratio).met

    def clearly_meets(self, tried: Tried) -> bool:
        """Whether the budget is met with margin (see :func:`lissom.engine.decisions.clear`)."""
        found = tried.state.comparison
        return found is not None and clear(self._budget, self._baseline.figures, found)

    def _run(self, number: int, state: State, whole: Move, move: Move, rewritten: bool, instead: Tried | None) -> Trial:
        start = time.monotonic()
        workload, spent = self._carrier.model(whole.model_steps)
        seconds = self._seconds(whole.model_steps, spent)
        try:
            artefact = self._carrier.artefact(whole, workload)
        except RefusedError as error:
            refused = Decision(False, f"cannot be made: {error.message}")
            return _trial(number, move, refused, seconds, time.monotonic() - start)
        costs = profile(workload.module, workload.example)
        comparison, _ = self._baseline.bench.compare(
            workload,
            artefact,
            self._baseline.select,
            workload.splits.select,
            named="select",
            costs=(costs.macs + costs.attention_macs, costs.parameters),
        )
        decision = decide(
            self._budget,
            self._baseline.figures,
            comparison,
            state.comparison,
            quantized=move.changes_format_alone,
            rewritten=rewritten,
        )
        if instead is not None and instead.state.comparison is not None and comparison.drop >= instead.trial.drop:
            decision = Decision(False, f"loses no less than {instead.trial.move}")
        measured = replace(comparison, figures=without_samples(comparison.figures))
        return _trial(number, move, decision, seconds, time.monotonic() - start, measured, artefact.notes)

    def _seconds(self, steps: tuple[ModelStep, ...], spent: tuple[float, ...]) -> dict[str, float]:
        """What each kind of step took, without those that an earlier trial has carried out alike."""
        before = [[step for step in item.state.steps if isinstance(step, ModelStep)] for item in self.tried]
        seconds: dict[str, float] = {}
        for place, (step, took) in enumerate(zip(steps, spent, strict=True), start=1):
            if not any(made[:place] == list(steps[:place]) for made in before):
                seconds[step.name] = seconds.get(step.name, 0.0) + took
        return seconds


def _check_same(trial: Trial, move: Move) -> None:
    """Refuse to read a trial as one of other steps.

    Raises:
        LissomError: another plan, or another version of lissom which tried other things, began the run.
    """
    if json.dumps(trial.steps) != json.dumps([step.to_json() for step in move.steps]):
        raise LissomError(
            f"trial {trial.number} of this run was {trial.move!r} and would be {move.name!r} now: it was begun with "
            "another plan, or by another version of lissom",
            hint="begin anew in another folder (-o)",
        )


def _trial(
    number: int,
    move: Move,
    decision: Decision,
    parts: dict[str, float],
    seconds: float,
    found: Comparison | None = None,
    notes: tuple[str, ...] = (),
) -> Trial:
    """The record of a trial; one that could not be made has no figures."""
    trial = Trial(
        number=number,
        move=move.name,
        steps=tuple(step.to_json() for step in move.steps),
        figures=None,
        kept=decision.kept,
        reason=decision.reason,
        seconds=max(seconds, sum(parts.values())),
        parts_seconds=parts,
        notes=notes,
    )
    if found is None:
        return trial
    drop, interval, ratio = found.drop, found.drop_interval, found.latency_ratio
    return replace(trial, figures=found.figures, drop=drop, drop_interval=interval, latency_ratio=ratio)


def _comparison(trial: Trial) -> Comparison | None:
    if trial.figures is None:
        return None
    ratio = trial.latency_ratio
    return Comparison(trial.figures, trial.drop, trial.drop_interval, ratio, (ratio, ratio), 0.0)


def best_of(tried: list[Tried]) -> Tried:
    """What is delivered: the last state that was kept if it meets the budget, else whatever comes nearest.

    Raises:
        LissomError: the target could make nothing of what was tried.
    """
    made = [item for item in tried if item.overshoot < math.inf]
    if not made:
        raise LissomError(
            f"nothing that was tried {tried[-1].trial.reason}", hint="choose another target (lissom targets)"
        )
    kept = [item for item in made if item.trial.kept]
    if kept and kept[-1].overshoot == 0:
        return kept[-1]
    return min(reversed(made), key=lambda item: item.overshoot)
