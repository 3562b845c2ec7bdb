"""One move tried: carried out, measured beside the original, kept or undone, written down."""

import time
from dataclasses import dataclass

from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.cost import profile
from lissom.engine.baseline import Baseline, without_samples
from lissom.engine.carrying import Carrier
from lissom.engine.decisions import clear, decide, overshoot
from lissom.engine.measuring import Comparison
from lissom.plan.budget import Budget
from lissom.plan.move import Move, Plan
from lissom.steps.step import Step


@dataclass(frozen=True)
class State:
    """What stands: the steps kept so far and how their artefact compares with the original."""

    steps: tuple[Step, ...] = ()
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Tried:
    """A state that was measured, and whether it was kept."""

    state: State
    trial: Trial
    overshoot: float


class Trials:
    """Tries moves one after the other; a trial that the ledger knows is read, not run."""

    def __init__(self, ledger: Ledger, carrier: Carrier, baseline: Baseline, budget: Budget) -> None:
        self._ledger, self._carrier = ledger, carrier
        self._baseline, self._budget = baseline, budget
        self.tried: list[Tried] = []

    def try_move(self, state: State, move: Move, *, rewritten: bool = False) -> Tried:
        """Apply ``move`` on top of ``state``, measure it, and decide (see :func:`lissom.engine.decisions.decide`)."""
        number = len(self.tried) + 1
        steps = (*state.steps, *move.steps)
        trial = self._ledger.get(Trial, str(number))
        if trial is None:
            trial = self._run(number, state, Move(move.name, steps), move, rewritten)
            self._ledger.append("plan", str(number), Plan((Move(move.name, steps),)).to_json())
            self._ledger.put(trial, str(number))
        comparison = _comparison(trial)
        checks = self._budget.check(
            self._baseline.figures, comparison.figures, comparison.drop, comparison.latency_ratio
        )
        tried = Tried(State(steps, comparison), trial, overshoot(checks))
        self.tried.append(tried)
        decision = "kept" if trial.kept else "undone"
        self._baseline.bench.progress.say(f"{trial.move}: {decision}, {trial.reason}")
        return tried

    def loses(self, tried: Tried) -> bool:
        """Whether it loses more score than the budget allows."""
        found = tried.state.comparison
        assert found is not None, "what was tried was measured"
        original = self._baseline.figures
        return not self._budget.drop.check(original, found.figures, found.drop, found.latency_ratio).met

    def clearly_meets(self, tried: Tried) -> bool:
        """Whether the budget is met with margin (see :func:`lissom.engine.decisions.clear`)."""
        found = tried.state.comparison
        assert found is not None, "what was tried was measured"
        return clear(self._budget, self._baseline.figures, found)

    def _run(self, number: int, state: State, whole: Move, move: Move, rewritten: bool) -> Trial:
        start = time.monotonic()
        workload, spent = self._carrier.model(whole.model_steps)
        seconds = {step.name: spent[step.name] for step in move.model_steps}
        artefact = self._carrier.artefact(whole, workload)
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
        return Trial(
            number=number,
            move=move.name,
            steps=tuple(step.to_json() for step in move.steps),
            figures=without_samples(comparison.figures),
            kept=decision.kept,
            reason=decision.reason,
            seconds=max(time.monotonic() - start, sum(seconds.values())),
            drop=comparison.drop,
            drop_interval=comparison.drop_interval,
            latency_ratio=comparison.latency_ratio,
            parts_seconds=seconds,
            notes=artefact.notes,
        )


def _comparison(trial: Trial) -> Comparison:
    assert trial.figures is not None
    ratio = trial.latency_ratio
    return Comparison(trial.figures, trial.drop, trial.drop_interval, ratio, (ratio, ratio), 0.0)


def best_of(tried: list[Tried]) -> Tried:
    """What is delivered: the last state that was kept if it meets the budget, else whatever comes nearest."""
    kept = [item for item in tried if item.trial.kept]
    if kept and kept[-1].overshoot == 0:
        return kept[-1]
    return min(reversed(tried), key=lambda item: item.overshoot)
