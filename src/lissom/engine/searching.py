"""The search: number formats alone where no limit asks for a cut, then cuts from the ladder, tried narrower where the
budget is met and wider where it is not."""

from collections.abc import Sequence

from lissom.core.ledger import Ledger
from lissom.engine.ladder import Rung
from lissom.engine.moves import Mover
from lissom.engine.options import Options
from lissom.engine.planning import Prepared
from lissom.engine.recovering import try_cut
from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.move import Move
from lissom.plan.search import Outcome, first_rung, hopes_by_pace, next_rung
from lissom.steps.distillation.distill import Distill
from lissom.steps.quantization.fp16 import HalfPrecision
from lissom.steps.step import ArtefactStep, Step

_FIRST_SHARE = 0.95
_WORTH = 0.6
_MOST_PACE = 2.0  # times the hope: no rung learns so much faster that it may lose more


class Search:
    """Tries cuts from the ladder until the narrowest that meets the budget is known."""

    def __init__(self, ledger: Ledger, mover: Mover, trials: Trials, options: Options) -> None:
        self._ledger, self._mover, self._trials, self._options = ledger, mover, trials, options

    def uncut(self) -> Tried | None:
        """Try the whole network in other number formats, for budgets whose limits ask for no cut.

        Returns:
            What meets the budget; ``None`` where nothing does, and cuts are to be tried.
        """
        made = self._formats(State(), sound=True, learn=False)
        return next((item for item in made if item.trial.kept and item.overshoot == 0), None)

    def run(self, prepared: Prepared) -> Tried:
        """Search until the narrowest cut that meets the budget is known, one meets it clearly, or time is used up.

        Where a cut keeps within the allowed drop and costs too much, as where none can meet the budget or where the
        trial measured a little more than the copy before it, narrower ones are tried as well.
        """
        rungs = prepared.rungs
        first = self._first(rungs, prepared.hope)
        outcomes: list[Outcome] = []
        standing = State()
        while (number := next_rung(len(rungs), first, outcomes)) is not None and self._may_go_on(outcomes):
            share = _FIRST_SHARE if not outcomes else 1.0
            tried = self._try(rungs[number], standing, prepared.precision, share)
            outcomes.append(Outcome(number, tried.trial.kept))
            standing = tried.state if tried.trial.kept else standing
        if prepared.reachable and not any(outcome.kept for outcome in outcomes):
            self._longer(rungs[min(outcome.rung for outcome in outcomes)], prepared.precision)
        return best_of(self._trials.tried)

    def _first(self, rungs: Sequence[Rung], hope: float) -> int:
        """The rung to begin with, written down once."""
        key = str(len(self._trials.tried))
        known = self._ledger.find("first rung", key)
        if known is None:
            known = self._choose_first(rungs, hope)
            self._ledger.append("first rung", key, known)
        return int(known)

    def _choose_first(self, rungs: Sequence[Rung], hope: float) -> int:
        """How fast the rungs learn is measured where it may decide between them."""
        drops = [rung.drop for rung in rungs]
        first = first_rung(drops, hope)
        unsure = [place for place, drop in enumerate(drops) if place > first and hope < drop <= hope * _MOST_PACE]
        if not unsure:
            return first
        hopes = hopes_by_pace(hope, self._mover.epochs([rungs[0], *(rungs[place] for place in unsure)]))
        return max(
            (place for place, more in zip(unsure, hopes[1:], strict=True) if drops[place] <= more), default=first
        )

    def _may_go_on(self, outcomes: list[Outcome]) -> bool:
        """Whether another cut is worth its time.

        After a success it is where a time limit leaves some and the budget is met with nothing to spare.
        """
        key = str(len(outcomes))
        known = self._ledger.find("go on", key)
        if known is None:
            left = self._mover.time_left()
            met = any(item.trial.kept and item.overshoot == 0 for item in self._cuts)
            limited = self._options.time_limit_s is not None and not self._options.rewriting
            enough = any(self._trials.clearly_meets(item) for item in self._cuts if item.trial.kept)
            known = not outcomes or (
                not enough
                and len(outcomes) < self._options.tries
                and (limited or not met)
                and left > _WORTH * self._mover.first_s
            )
            self._ledger.append("go on", key, known)
        return bool(known)

    @property
    def _cuts(self) -> list[Tried]:
        """What was tried of cuts: all but number formats of the whole network."""
        return [
            item for item in self._trials.tried if not all(isinstance(step, ArtefactStep) for step in item.state.steps)
        ]

    def _try(self, rung: Rung, standing: State, precision: str, share: float) -> Tried:
        """Cut, repair and recover as one move, then the number format as another.

        Where something stands already the two are one move: its parts are known to work.
        """
        number = len(self._trials.tried) + 1
        formats: tuple[ArtefactStep, ...] = tuple(step for step in standing.steps if isinstance(step, ArtefactStep))
        share /= 1 + len(self._options.rewriting)
        move = self._mover.recorded(number, lambda: self._mover.cut(number, rung, formats, share))
        base = State((), standing.comparison)
        tried = try_cut(self._trials, self._mover, base, move, rung, formats)
        if formats or not (tried.trial.kept or (precision == "int8" and standing.comparison is None)):
            return tried
        quantized = self._quantize(tried)
        return quantized if quantized.trial.kept or quantized.overshoot < tried.overshoot else tried

    def _quantize(self, tried: Tried) -> Tried:
        """Number formats on top of what was tried: the one that was kept, or else the nearest to the budget.

        That is what was given, where the target has no other format.
        """
        made = self._formats(tried.state, sound=not self._trials.loses(tried), learn=True)
        if not made:
            return tried
        return made[-1] if made[-1].trial.kept else min(made, key=lambda item: item.overshoot)

    def _formats(self, state: State, *, sound: bool, learn: bool) -> list[Tried]:
        """Number formats on top of a state, until one is kept: INT8; where it loses too much, with layers in float;
        then FP16, where the target has it; at last INT8 that was learnt.

        Args:
            state: what they are put on.
            sound: whether that keeps the score, so that it is the format that loses it.
            learn: whether INT8 may be learnt.
        """
        made: list[Tried] = []
        if self._mover.has_int8:
            made.append(self._trials.try_move(state, Move.of(self._mover.int8)))
        lossy = bool(made) and self._trials.loses(made[0]) and sound
        others: list[ArtefactStep] = [
            *([self._mover.mixed_int8] if lossy and self._mover.leaves_floats else []),
            *([HalfPrecision()] if self._mover.has_half else []),
        ]
        for step in others:
            if made and made[-1].trial.kept:
                break
            made.append(self._trials.try_move(state, Move.of(step)))
        learns = learn and lossy and not made[-1].trial.kept
        last = self._mover.learnt_int8(len(self._trials.tried) + 1) if learns else None
        return made if last is None else [*made, self._trials.try_move(state, last)]

    def _longer(self, rung: Rung, precision: str) -> None:
        """Nothing met the budget: recover the widest cut that was tried once more, from where it stopped."""
        known = self._ledger.find("go on", "longer")
        if known is None:
            tries, left = len(self._cuts), self._mover.time_left()
            known = tries < self._options.tries and left > _WORTH * self._mover.first_s
            self._ledger.append("go on", "longer", known)
        if not known:
            return
        same = [item.state.steps for item in self._cuts if item.state.steps[: len(rung.steps)] == rung.steps]
        learnt = next(steps for steps in reversed(same) if any(isinstance(step, Distill) for step in steps))
        number = len(self._trials.tried) + 1
        move = self._mover.recorded(number, lambda: self._again(number, rung, learnt))
        tried = self._trials.try_move(State(), move)
        if tried.trial.kept or precision == "int8":
            self._quantize(tried)

    def _again(self, number: int, rung: Rung, learnt: Sequence[Step]) -> Move:
        again = self._mover.cut(number, rung, (), 1.0)
        rounds = tuple(step for step in learnt if isinstance(step, Distill))
        last = again.steps[-1]
        assert isinstance(last, Distill)
        return Move(f"{again.name}, once more", (*rung.steps, *rounds, last))
