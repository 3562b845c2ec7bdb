"""The front of a model in one run, and another point of it taken later."""

from collections.abc import Sequence

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Figures, Trial, from_json
from lissom.engine.decisions import overshoot
from lissom.engine.moves import Mover
from lissom.engine.planning import Prepared
from lissom.engine.recovering import try_cut
from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.budget import Budget
from lissom.plan.front import Point, front, pick, shares_of_time
from lissom.plan.move import Move, Plan, plan_from_json


class FrontSearch:
    """Tries INT8 of the whole network, then every rung with its share of the time that is left, and INT8 on top."""

    def __init__(self, ledger: Ledger, mover: Mover, trials: Trials, budget: Budget) -> None:
        self._ledger, self._mover, self._trials, self._budget = ledger, mover, trials, budget

    def run(self, prepared: Prepared) -> Tried:
        """Try all rungs, and deliver the point that the budget means.

        Of a time limit each takes its share, first those that lost least before any training; what is left out where it
        was not enough is said.
        """
        if self._mover.has_int8:
            self._trials.try_move(State(), Move.of(self._mover.int8))
        rungs = sorted(prepared.rungs, key=lambda rung: rung.drop)
        shares = shares_of_time([rung.drop for rung in rungs], prepared.hope)
        for place, rung in enumerate(rungs):
            if not self._may_go_on(place):
                self._ledger.once("note", "front", f"the time limit left {len(rungs) - place} of {len(rungs)} cuts out")
                break
            number = len(self._trials.tried) + 1
            move = self._mover.recorded(number, lambda n=number, r=rung, s=shares[place]: self._mover.cut(n, r, (), s))
            tried = try_cut(self._trials, self._mover, State(), move, rung)
            if self._mover.has_int8:
                self._trials.try_move(tried.state, Move(f"{tried.trial.move} + int8", (self._mover.int8,)))
        points = points_of(self._ledger, self._budget)
        if not points:
            return best_of(self._trials.tried)  # the target could make nothing, which is said there
        self._ledger.once("front", "", [point.number for point in front(points)])
        return self._trials.tried[_chosen(points, self._budget) - 1]

    def _may_go_on(self, place: int) -> bool:
        """Whether there is time for this rung; for the first there is."""
        known = self._ledger.find("go on", f"rung {place}")
        if known is None:
            known = place == 0 or self._mover.time_left() > 0
            self._ledger.append("go on", f"rung {place}", known)
        return bool(known)


def points_of(ledger: Ledger, budget: Budget) -> list[Point]:
    """Every trial of a run, held against a budget by what was measured on the select split."""
    original = from_json(Figures, ledger.find("baseline"))
    points: list[Point] = []
    for trial in ledger.all(Trial):
        if trial.figures is not None:
            checks = budget.check(original, trial.figures, trial.drop, trial.latency_ratio)
            costs = (("latency", trial.latency_ratio), ("size", float(trial.figures.size_bytes)))
            points.append(Point(trial.number, trial.drop, costs, overshoot(checks)))
    return points


def plan_for(ledger: Ledger, budget: Budget) -> Plan:
    """The steps of the trial of a finished run that another budget means.

    Raises:
        LissomError: the run has no trials.
    """
    points = points_of(ledger, budget)
    if not points:
        raise LissomError(f"the run in {ledger.path.parent} tried nothing", hint="run lissom compress --front")
    return plan_from_json(ledger.find("plan", str(_chosen(points, budget))) or [])


def _chosen(points: Sequence[Point], budget: Budget) -> int:
    return pick(points, by_drop=bool(budget.costs)).number
