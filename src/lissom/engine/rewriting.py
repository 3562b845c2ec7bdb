"""After cutting: layers rewritten (left out, separable, of low rank, sparse), each kept only where it pays."""

from collections.abc import Iterator
from typing import Any

from lissom.core.errors import LissomError, MachineError
from lissom.core.ledger import Ledger
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.ladder import Rung, untrained_drop
from lissom.engine.method_rungs import name_of, with_repair
from lissom.engine.methods import METHODS
from lissom.engine.moves import Mover
from lissom.engine.paying import costs_of, pays
from lissom.engine.planning import hope_of
from lissom.engine.probing import measure_copy
from lissom.engine.recovering import try_cut
from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.budget import Budget
from lissom.plan.move import Move
from lissom.steps.nothing import Nothing
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import ArtefactStep, Context, ModelStep, step_from_json
from lissom.targets.target import FP32
from lissom.workload.workload import Workload


class Rewriting:
    """Tries methods one after the other on top of what stands.

    A rewritten copy is measured before it is trained: one that does not pay on the target is not recovered.
    """

    def __init__(
        self,
        ledger: Ledger,
        context: Context,
        carrier: Carrier,
        baseline: Baseline,
        budget: Budget,
        mover: Mover,
        trials: Trials,
        repair: Reconstruct,
    ) -> None:
        self._ledger, self._context, self._carrier, self._baseline = ledger, context, carrier, baseline
        self._budget, self._mover, self._trials, self._repair = budget, mover, trials, repair

    def run(self, methods: tuple[str, ...], best: Tried | None) -> Tried:
        """Try each of ``methods`` for which the time limit leaves some.

        Args:
            methods: names in ``METHODS``.
            best: what the cuts led to; ``None`` where the original stands.

        Returns:
            What is to be delivered.
        """
        state = State() if best is None else best.state
        for place, method in enumerate(methods):
            if self._ledger.find("skipped", method) is not None:
                continue
            number, share = len(self._trials.tried) + 1, 1 / (len(methods) - place)
            if self._ledger.find("rewritten", method) is None and self._mover.time_left() <= 0:
                self._ledger.append("skipped", method, {"what": method, "why": "the time limit left none for it"})
                continue
            try:
                rung, worth = self._rung(method, state)
            except MachineError:
                raise
            except LissomError as error:
                self._ledger.append("skipped", method, {"what": method, "why": error.message})
                continue
            tried = self._try(number, rung, state, share if worth else None)
            state = tried.state if tried.trial.kept else state
        if best is None:
            int8 = Move.of(self._mover.int8)
            self._trials.try_move(state, int8 if self._mover.has_int8 else Move("as it is", (Nothing(),)))
        return best_of(self._trials.tried)

    def _try(self, number: int, rung: Rung, state: State, share: float | None) -> Tried:
        """What a method made, recovered within a share of the time; as it is where it is not worth one."""
        formats, base = _formats(state), State((), state.comparison)
        if share is None:
            return self._trials.try_move(base, self._mover.repaired(rung, formats), rewritten=True)
        move = self._mover.recorded(number, lambda: self._mover.cut(number, rung, formats, share))
        return try_cut(self._trials, self._mover, base, move, rung, formats, rewritten=True)

    def _rung(self, method: str, state: State) -> tuple[Rung, bool]:
        """What the method makes of what stands, and whether it pays.

        That is the strongest step that pays and loses no more than a recovery is expected to make good, else the
        mildest that pays, else the strongest.
        """
        known = self._ledger.find("rewritten", method)
        if known is None:
            known = self._choose(method, state)
            self._ledger.append("rewritten", method, known)
        steps = tuple(step for step in map(step_from_json, known["steps"]) if isinstance(step, ModelStep))
        return Rung(known["name"], {}, known["kept"], known["drop"], steps), known["pays"]

    def _choose(self, method: str, state: State) -> dict[str, Any]:
        formats = _formats(state)
        stands = tuple(step for step in state.steps if isinstance(step, ModelStep))
        hope = hope_of(self._budget, self._baseline.figures, self._context.original.task.name)
        chosen: dict[str, Any] | None = None
        for step in self._levels(method, self._carrier.model(stands)[0]):
            # what learnt something would be solved back to what the original does
            own = (step,) if stands else with_repair(step, self._repair)
            workload, _ = self._carrier.model((*stands, *own))
            worth = self._pays(workload, state, formats[-1].precision if formats else FP32)
            if not worth and chosen is not None:
                break
            chosen = {
                "name": name_of(own),
                "kept": workload.parameters / self._context.original.parameters,
                "drop": untrained_drop(workload, self._baseline),
                "steps": [part.to_json() for part in (*stands, *own)],
                "pays": worth,
            }
            if not worth or chosen["drop"] <= hope:
                break
        assert chosen is not None, "every method gives a step or says why not"
        return chosen

    def _levels(self, method: str, workload: Workload) -> Iterator[ModelStep]:
        """The steps to try. A milder one that would save nothing ends them; where the strongest does, that is said."""
        given = False
        try:
            for step in METHODS.get(method)(workload, self._context.seed, self._context.progress):
                yield step
                given = True
        except LissomError as error:
            if not given:
                raise
            self._ledger.once("note", f"{method}, milder", f"{method}, milder: {error.message}")

    def _pays(self, workload: Workload, state: State, precision: str) -> bool:
        with self._context.progress.waiting("measuring what it gains"):
            measured = measure_copy(workload, self._context, self._baseline.bench, formats=(precision,))
        known = state.comparison
        before = (
            costs_of(self._baseline.figures, 1.0) if known is None else costs_of(known.figures, known.latency_ratio)
        )
        return pays(self._budget, measured[precision], before).pays


def _formats(state: State) -> tuple[ArtefactStep, ...]:
    return tuple(step for step in state.steps if isinstance(step, ArtefactStep))
