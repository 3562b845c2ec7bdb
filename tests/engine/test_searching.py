"""Which cuts a search tries, in which order, and what it delivers. Trials are decided by a table."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.engine.ladder import Rung
from lissom.engine.options import Options
from lissom.engine.planning import Prepared
from lissom.engine.recovering import try_cut
from lissom.engine.searching import Search
from lissom.engine.trials import State, Tried
from lissom.plan.move import Move
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.distilled import DistillInt8
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.quantization.mixed import MixedInt8
from lissom.steps.step import ArtefactStep

PLENTY = 1e6
UNCUT = -1
SOME: Any = object()  # a comparison that nobody looks into
Judge = Callable[[int, bool, bool], tuple[bool, float]]


def rung(number: int, drop: float) -> Rung:
    return Rung(f"rung {number}", {0: 10 - number}, 0.5, drop, (Prune(((0, "g", tuple(range(number + 1))),)),))


def ladder(*drops: float, hope: float = 1.0, precision: str = "fp32") -> Prepared:
    return Prepared([rung(number, drop) for number, drop in enumerate(drops)], hope, precision)


class Moves:
    """Makes a move of each rung at no cost, each of them ``first_s`` long."""

    def __init__(self, left_s: float = PLENTY) -> None:
        self.left_s, self.first_s = left_s, 100.0
        self.shares: list[float] = []
        self.paces: dict[int, float] = {}
        self.asked: list[int] = []
        self.leaves_floats, self.has_half, self.has_int8 = False, False, True
        self.learns_int8, self.int8, self.mixed_int8 = False, QuantizeInt8(), MixedInt8()

    def time_left(self) -> float:
        return self.left_s

    def epochs(self, rungs: list[Rung]) -> list[float]:
        self.asked = [10 - rung.widths[0] for rung in rungs]
        return [self.paces[number] for number in self.asked]

    def recorded(self, number: int, make: Callable[[], Move]) -> Move:
        return make()

    def learnt_int8(self, number: int) -> Move | None:
        return Move(LEARNT, (DistillInt8(), QuantizeInt8())) if self.learns_int8 else None

    def cut(self, number: int, rung: Rung, formats: tuple[ArtefactStep, ...], share: float) -> Move:
        self.shares.append(share)
        return Move(f"cut {10 - rung.widths[0]}", (*rung.steps, Distill(1), *formats))

    def repaired(self, rung: Rung, formats: tuple[ArtefactStep, ...]) -> Move:
        return Move(f"repaired {10 - rung.widths[0]}", (*rung.steps, *formats))


class Judged:
    """Decides each trial by its rung, whether it is quantized, and whether it was recovered once more."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.tried, self.told = judge, [], []
        self.lossy: tuple[str, ...] = ()
        self.clear: tuple[str, ...] = ()
        self.drops: dict[str, float] = {}

    def try_move(self, state: State, move: Move, *, rewritten: bool = False, instead: Tried | None = None) -> Tried:
        steps = (*state.steps, *move.steps)
        prune = next((step for step in steps if isinstance(step, Prune)), None)
        quantized = any(isinstance(step, ArtefactStep) for step in steps)
        again = sum(isinstance(step, Distill) for step in steps) > 1
        rung_ = UNCUT if prune is None else len(prune.removed[0][2]) - 1
        kept, overshoot = self.judge(rung_, quantized, again)
        drop = self.drops.get(move.name, 0.0)
        trial = Trial(len(self.tried) + 1, move.name, (), None, kept, "", 0.0, drop)
        self.tried.append(Tried(State(steps, SOME), trial, overshoot))
        self.told.append(move.name)
        return self.tried[-1]

    def clearly_meets(self, tried: Tried) -> bool:
        return tried.trial.move in self.clear

    def loses(self, tried: Tried) -> bool:
        return tried.trial.move in self.lossy


def search(
    folder: Path,
    prepared: Prepared,
    judge: Judge,
    *,
    moves: Moves | None = None,
    lossy: tuple[str, ...] = (),
    clear: tuple[str, ...] = (),
    uncut: bool = False,
    **options: Any,
) -> tuple[list[str], Tried]:
    """The names of what was tried, ``uncut`` or not at first, and what is delivered."""
    trials: Any = Judged(judge)
    trials.lossy, trials.clear = lossy, clear
    mover: Any = moves or Moves()
    made = Search(Ledger(folder), mover, trials, Options(**options))
    if uncut:
        made.uncut()
    return trials.told, made.run(prepared)


def meets_down_to(narrowest: int) -> Judge:
    """The budget is met by every rung down to this one, in either format."""
    return lambda number, quantized, again: (number <= narrowest, 0.0 if number <= narrowest else 0.5)


def test_where_a_success_is_enough_the_search_ends_with_it(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(2))
    assert told == ["cut 1", "quantize int8"], "the narrowest hopeful rung, then the number format"
    assert best.trial.move == "quantize int8"


def test_while_a_time_limit_leaves_some_a_narrower_cut_is_tried(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(2), time_limit_s=600.0)
    assert told == ["cut 1", "quantize int8", "cut 2"]
    assert best.trial.move == "cut 2"
    assert [type(step).__name__ for step in best.state.steps] == ["Prune", "Distill", "QuantizeInt8"], (
        "what is known to work is one move with it"
    )


def test_where_the_budget_is_met_with_margin_the_time_that_is_left_is_not_used(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(2), time_limit_s=600.0, clear=("quantize int8",))
    assert told == ["cut 1", "quantize int8"] and best.trial.move == "quantize int8"


def test_where_no_cut_is_within_the_limits_the_narrowest_that_loses_little_is_looked_for(tmp_path: Path) -> None:
    over = {0: 0.9, 1: 0.6, 2: 17.0}  # the narrowest costs least and loses far too much

    def judge(number: int, quantized: bool, again: bool) -> tuple[bool, float]:
        return number < 2, over[number]

    prepared = replace(ladder(0.1, 0.5, 0.9), reachable=False)
    told, best = search(tmp_path, prepared, judge, time_limit_s=600.0)
    assert told == ["cut 2", "cut 1", "quantize int8"]
    assert best.overshoot == 0.6


@pytest.mark.parametrize("limit", [{}, {"time_limit_s": 600.0}])
def test_after_a_cut_that_keeps_the_score_and_costs_too_much_a_narrower_one_is_tried(
    tmp_path: Path, limit: dict[str, float]
) -> None:
    """The copy that was measured before was a little faster than what the trial made of it."""
    told, best = search(
        tmp_path,
        ladder(0.1, 3.0, precision="int8"),
        lambda number, quantized, again: (True, 0.03 if number == 0 else 0.0),
        **limit,
    )
    assert told == ["cut 0", "quantize int8", "cut 1"] and best.overshoot == 0, "and not the same for longer"


@pytest.mark.parametrize(
    ("paces", "first"),
    [
        ({0: 3.0, 2: 15.0}, 2),  # 1.8 points are within the hope of 2: it learns for four times as long
        ({0: 3.0, 2: 8.0}, 1),
        ({0: 30.0, 2: 30.0}, 1),  # there is time enough for all
    ],
)
def test_a_cut_that_learns_faster_may_lose_more_before(tmp_path: Path, paces: dict[int, float], first: int) -> None:
    moves = Moves()
    moves.paces = paces
    told, _ = search(tmp_path, ladder(0.1, 0.5, 1.8, 2.5), meets_down_to(2), moves=moves)
    assert told[0] == f"cut {first}"
    assert moves.asked == [0, 2], "only what the pace may decide is timed"


def test_after_a_miss_a_wider_cut_is_tried(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1, 0.5, 0.9), meets_down_to(0))
    assert told == ["cut 2", "cut 1", "cut 0", "quantize int8"]
    assert best.trial.kept and best.overshoot == 0


def test_a_narrower_cut_that_misses_changes_nothing(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(1), time_limit_s=600.0)
    assert told == ["cut 1", "quantize int8", "cut 2"]
    assert best.trial.move == "quantize int8" and best.state.steps[0] == rung(1, 0.5).steps[0]


def test_a_number_format_that_is_undone_is_not_delivered(tmp_path: Path) -> None:
    told, best = search(tmp_path, ladder(0.1), lambda number, quantized, again: (not quantized, 0.0))
    assert told == ["cut 0", "quantize int8"]
    assert best.trial.move == "cut 0"


def test_a_cut_made_for_a_number_format_is_judged_with_it(tmp_path: Path) -> None:
    """In FP32 it is too slow or too large by intent."""
    told, best = search(
        tmp_path,
        ladder(0.1, precision="int8"),
        lambda number, quantized, again: (quantized, 0.0 if quantized else 2.0),
    )
    assert told == ["cut 0", "quantize int8"] and best.trial.kept
    told, _ = search(tmp_path / "fp32", ladder(0.1), lambda number, quantized, again: (quantized, 2.0))
    assert told[:2] == ["cut 0", "cut 0, once more"]


def test_where_nothing_meets_the_budget_the_widest_that_was_tried_is_recovered_once_more(tmp_path: Path) -> None:
    told, best = search(
        tmp_path, ladder(0.1, 0.5), lambda number, quantized, again: (again, 0.0 if again else 1.0 + number)
    )
    assert told == ["cut 1", "cut 0", "cut 0, once more", "quantize int8"]
    assert sum(isinstance(step, Distill) for step in best.state.steps) == 2 and best.overshoot == 0


def test_what_comes_nearest_is_delivered_in_the_end(tmp_path: Path) -> None:
    overshoots = {(1, False): 3.0, (0, False): 0.4, (0, True): 0.7}
    told, best = search(tmp_path, ladder(0.1, 0.5), lambda number, quantized, again: (False, overshoots[number, again]))
    assert told == ["cut 1", "cut 0", "cut 0, once more"]
    assert best.trial.move == "cut 0" and best.overshoot == 0.4


@pytest.mark.parametrize(("tries", "told"), [(1, ["cut 2"]), (2, ["cut 2", "cut 1"])])
def test_no_more_cuts_are_tried_than_asked(tmp_path: Path, tries: int, told: list[str]) -> None:
    found, _ = search(tmp_path, ladder(0.1, 0.5, 0.9), meets_down_to(-1), tries=tries)
    assert found == told


def test_the_first_cut_is_tried_however_little_time_is_left(tmp_path: Path) -> None:
    found, best = search(tmp_path, ladder(0.1, 0.5), meets_down_to(-1), moves=Moves(left_s=0.0))
    assert found == ["cut 1"] and best.trial.move == "cut 1"


def test_a_resumed_search_goes_on_as_it_was_decided_then(tmp_path: Path) -> None:
    """The time left is another on every start; what was tried must not be."""
    first, _ = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(2), time_limit_s=600.0)
    again, _ = search(tmp_path, ladder(0.1, 0.5, 3.0), meets_down_to(2), moves=Moves(left_s=0.0), time_limit_s=600.0)
    assert again == first


def test_the_first_recovery_leaves_a_little_of_the_time(tmp_path: Path) -> None:
    moves = Moves()
    search(tmp_path, ladder(0.1, 0.5), meets_down_to(-1), moves=moves)
    assert moves.shares[0] < 1 and set(moves.shares[1:]) == {1.0}


LEARNT = "distill in INT8 + quantize int8"
INT8, MIXED, HALF = "quantize int8", "quantize int8, some layers in float", "fp16"


class Formats:
    """The cut misses by a little; of the number formats those named are kept."""

    def __init__(self, *kept: str) -> None:
        self.kept, self.tried = kept, 0

    def __call__(self, number: int, quantized: bool, again: bool) -> tuple[bool, float]:
        if not quantized:
            return True, 0.1
        self.tried += 1
        return ("first", "second", "third", "fourth")[self.tried - 1] in self.kept, 0.0


@pytest.mark.parametrize(
    ("lossy", "floats", "half", "kept", "told"),
    [
        ((INT8,), True, False, ("second",), [INT8, MIXED]),
        ((INT8,), True, True, ("second",), [INT8, MIXED]),
        ((INT8,), False, True, ("second",), [INT8, HALF]),
        ((INT8,), True, True, ("third",), [INT8, MIXED, HALF]),
        ((INT8,), False, False, (), [INT8]),
        ((INT8, "cut 0"), True, False, (), [INT8]),
        ((), True, True, ("first",), [INT8]),
        ((), True, True, ("second",), [INT8, HALF]),
    ],
)
def test_number_formats_follow_each_other_until_one_is_kept(
    tmp_path: Path, lossy: tuple[str, ...], floats: bool, half: bool, kept: tuple[str, ...], told: list[str]
) -> None:
    moves = Moves(left_s=0.0)
    moves.leaves_floats, moves.has_half = floats, half
    found, _ = search(tmp_path, ladder(0.1), Formats(*kept), moves=moves, lossy=lossy)
    assert found == ["cut 0", *told], "INT8 with layers in float is for what INT8 loses, and the cut did not"


@pytest.mark.parametrize(
    ("lossy", "kept", "told"),
    [
        ((INT8,), ("fourth",), [INT8, MIXED, HALF, LEARNT]),
        ((INT8,), (), [INT8, MIXED, HALF, LEARNT]),
        ((INT8,), ("third",), [INT8, MIXED, HALF]),
        ((), (), [INT8, HALF]),
        ((INT8, "cut 0"), (), [INT8, HALF]),
    ],
)
def test_int8_is_learnt_as_the_last_resort(
    tmp_path: Path, lossy: tuple[str, ...], kept: tuple[str, ...], told: list[str]
) -> None:
    moves = Moves(left_s=0.0)
    moves.leaves_floats = moves.has_half = moves.learns_int8 = True
    found, _ = search(tmp_path, ladder(0.1), Formats(*kept), moves=moves, lossy=lossy)
    assert found == ["cut 0", *told], "only where INT8 loses too much, and nothing else was kept"


@pytest.mark.parametrize(("half", "told"), [(True, [HALF]), (False, [])])
def test_a_target_without_int8_is_asked_for_what_it_has(tmp_path: Path, half: bool, told: list[str]) -> None:
    moves = Moves(left_s=0.0)
    moves.has_half, moves.has_int8 = half, False
    found, best = search(tmp_path, ladder(0.1), meets_down_to(0), moves=moves)
    assert found == ["cut 0", *told] and best.trial.move == found[-1]


@pytest.mark.parametrize(
    ("lossy", "kept", "told", "met"),
    [
        ((), ("first",), [INT8], True),
        ((INT8,), ("second",), [INT8, MIXED], True),
        ((INT8,), ("third",), [INT8, MIXED, HALF], True),
        ((INT8,), (), [INT8, MIXED, HALF], False),
    ],
)
def test_the_whole_network_is_tried_in_every_format_and_learns_nothing(
    tmp_path: Path, lossy: tuple[str, ...], kept: tuple[str, ...], told: list[str], met: bool
) -> None:
    trials: Any = Judged(Formats(*kept))
    trials.lossy = lossy
    mover: Any = Moves()
    mover.leaves_floats = mover.has_half = mover.learns_int8 = True
    made = Search(Ledger(tmp_path), mover, trials, Options())
    assert made.uncut() is (trials.tried[-1] if met else None) and trials.told == told


def test_what_was_tried_before_the_cuts_takes_nothing_from_them(tmp_path: Path) -> None:
    moves = Moves()
    told, _ = search(tmp_path, ladder(0.1, 0.5), Formats(), uncut=True, moves=moves, lossy=(INT8,), tries=1)
    assert told == [INT8, "cut 1", INT8] and moves.shares[0] < 1, "one try, the first, leaves a little of the time"


@pytest.mark.parametrize(
    ("lost", "tries", "delivered"), [(0.05, ["cut 0"], "cut 0"), (0.3, ["cut 0", "repaired 0"], "repaired 0")]
)
def test_a_recovery_that_loses_is_undone(tmp_path: Path, lost: float, tries: list[str], delivered: str) -> None:
    trials: Any = Judged(lambda number, quantized, again: (True, 0.0))
    trials.drops = {"cut 0": lost, "repaired 0": 0.1, INT8: 0.2}
    mover: Any = Moves()
    tried = try_cut(trials, mover, State(), Move("cut 0", (*rung(0, 0.1).steps, Distill(1))), rung(0, 0.1))
    assert trials.told == tries and tried.trial.move == delivered


def test_a_search_goes_on_from_the_repair_alone(tmp_path: Path) -> None:
    trials: Any = Judged(lambda number, quantized, again: (True, 0.0))
    trials.drops = {"cut 0": 0.3, "repaired 0": 0.1, INT8: 0.2}
    mover: Any = Moves()
    best = Search(Ledger(tmp_path), mover, trials, Options()).run(ladder(0.1))
    assert trials.told == ["cut 0", "repaired 0", INT8]
    assert [type(step).__name__ for step in best.state.steps] == ["Prune", "QuantizeInt8"]
