"""The search: cuts from the ladder, tried narrower where the budget is met and wider where it is not."""

from collections.abc import Callable, Sequence

from lissom.core.files import check_writable
from lissom.core.ledger import Ledger
from lissom.core.units import format_bytes, format_seconds
from lissom.engine.carrying import Carrier
from lissom.engine.ladder import Rung
from lissom.engine.options import Options
from lissom.engine.pace import measure_pace, recovery
from lissom.engine.planning import Prepared
from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.move import Move, move_from_json
from lissom.plan.search import Outcome, first_rung, next_rung
from lissom.steps.distillation.distill import Distill
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import ArtefactStep, Context, Step
from lissom.train.teacher import cache_bytes, kept_views
from lissom.workload.workload import Workload

_RESERVE_S = 40.0
_FIRST_SHARE = 0.95
_WORTH = 0.6


class Search:
    """Tries cuts. A move is written down before it is tried, so that a resumed run tries the same ones."""

    def __init__(self, ledger: Ledger, context: Context, carrier: Carrier, trials: Trials, options: Options) -> None:
        self._ledger, self._context, self._carrier = ledger, context, carrier
        self._trials, self._options = trials, options
        estimate = ledger.find("estimate")
        self._first_s = 0.0 if estimate is None else max(0.0, estimate["seconds"] - _RESERVE_S)

    def run(self, prepared: Prepared) -> Tried:
        """Search until the narrowest cut that meets the budget is known, or tries or time are used up."""
        rungs = prepared.rungs
        first = first_rung([rung.drop for rung in rungs], prepared.hope)
        outcomes: list[Outcome] = []
        standing = State()
        while (number := next_rung(len(rungs), first, outcomes)) is not None and self._may_go_on(outcomes):
            tried = self._try(rungs[number], standing, prepared.precision)
            outcomes.append(Outcome(number, tried.overshoot == 0 and tried.trial.kept))
            standing = tried.state if outcomes[-1].met else standing
        if not any(outcome.met for outcome in outcomes):
            self._longer(rungs[min(outcome.rung for outcome in outcomes)], prepared.precision)
        return best_of(self._trials.tried)

    def _may_go_on(self, outcomes: list[Outcome]) -> bool:
        """Whether another cut is worth its time: after a success only where a time limit leaves some."""
        key = str(len(outcomes))
        known = self._ledger.find("go on", key)
        if known is None:
            left = self._context.deadline.left() - _RESERVE_S
            met = any(outcome.met for outcome in outcomes)
            limited = self._options.time_limit_s is not None
            known = not outcomes or (
                len(outcomes) < self._options.tries and (limited or not met) and left > _WORTH * self._first_s
            )
            self._ledger.append("go on", key, known)
        return bool(known)

    def _try(self, rung: Rung, standing: State, precision: str) -> Tried:
        """Cut, repair and recover as one move, then the number format as another.

        Where something stands already the two are one move: its parts are known to work.
        """
        number = len(self._trials.tried) + 1
        formats: tuple[ArtefactStep, ...] = tuple(step for step in standing.steps if isinstance(step, ArtefactStep))
        move = self._recorded(number, lambda: self._move(number, rung, formats))
        base = State((), standing.comparison)
        tried = self._tell(self._trials.try_move(base, move))
        if formats or not (tried.trial.kept or (precision == "int8" and standing.comparison is None)):
            return tried
        quantized = self._tell(self._trials.try_move(tried.state, Move("quantize int8", (QuantizeInt8(),))))
        return quantized if quantized.trial.kept or quantized.overshoot < tried.overshoot else tried

    def _move(self, number: int, rung: Rung, formats: tuple[ArtefactStep, ...]) -> Move:
        workload, _ = self._carrier.model(rung.steps)
        pace = self._pace(number, workload)
        left = self._context.deadline.left() - _RESERVE_S
        answered = kept_views(self._context.shared / "teacher")
        share = _FIRST_SHARE if number == 1 else 1.0
        distill = recovery(pace, self._options, left, share=share, answered=answered)
        new_views = max(0, distill.views - answered)
        seconds = pace["epoch_s"] * distill.epochs * distill.share + pace["teacher_s"] * new_views
        if number == 1:
            self._first_s = seconds
            self._estimate(seconds, distill)
        ending = " + int8" if formats else ""
        return Move(f"prune {1 - rung.kept:.1%} + repair + distill{ending}", (*rung.steps, distill, *formats))

    def _pace(self, number: int, workload: Workload) -> dict[str, float]:
        known = self._ledger.find("pace", str(number))
        if known is None:
            known = measure_pace(self._context.original, workload, self._context.answer, Distill(1).batch)
            self._ledger.append("pace", str(number), known)
        return known

    def _estimate(self, seconds: float, distill: Distill) -> None:
        whole = seconds + _RESERVE_S
        examples, outputs = len(self._context.original.splits.train), len(self._context.original.classes) or 1000
        disk = cache_bytes(examples, outputs, distill.views) + 100_000_000
        check_writable(self._context.folder, disk)
        self._ledger.append("estimate", "", {"seconds": whole, "disk_bytes": disk})
        self._context.progress.say(f"the first trial takes about {format_seconds(whole)}, {format_bytes(disk)} of disk")

    def _longer(self, rung: Rung, precision: str) -> None:
        """Nothing met the budget: recover the widest cut that was tried once more, from where it stopped."""
        if not self._may_go_on([Outcome(0, False)] * len(self._trials.tried)):
            return
        last = next(item for item in reversed(self._trials.tried) if item.state.steps[: len(rung.steps)] == rung.steps)
        learnt = [step for step in last.state.steps if not isinstance(step, ArtefactStep)]
        number = len(self._trials.tried) + 1
        move = self._recorded(number, lambda: self._again(number, rung, learnt))
        tried = self._tell(self._trials.try_move(State(), move))
        if tried.trial.kept or precision == "int8":
            self._tell(self._trials.try_move(tried.state, Move("quantize int8", (QuantizeInt8(),))))

    def _again(self, number: int, rung: Rung, learnt: Sequence[Step]) -> Move:
        again = self._move(number, rung, ())
        rounds = tuple(step for step in learnt if isinstance(step, Distill))
        last = again.steps[-1]
        assert isinstance(last, Distill)
        return Move(f"{again.name}, once more", (*rung.steps, *rounds, last))

    def _recorded(self, number: int, make: Callable[[], Move]) -> Move:
        known = self._ledger.find("move", str(number))
        if known is None:
            known = make().to_json()
            self._ledger.append("move", str(number), known)
        return move_from_json(known)

    def _tell(self, tried: Tried) -> Tried:
        decision = "kept" if tried.trial.kept else "undone"
        self._context.progress.say(f"{tried.trial.move}: {decision}, {tried.trial.reason}")
        return tried
