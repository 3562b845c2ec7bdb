"""A given plan: every move is tried, on top of what was kept; a table says what came of each."""

import math
from typing import Any

import pytest

from lissom.core.errors import LissomError
from lissom.core.records import Trial
from lissom.engine.given_plan import carry_out
from lissom.engine.trials import State, Tried
from lissom.plan.move import Move, Plan
from lissom.steps.nothing import Nothing

SOME: Any = object()  # a comparison that nobody looks into
PLAN = Plan(tuple(Move(name, (Nothing(),)) for name in ("cut", "int8", "list")))


class Table:
    """Names what a move stands on, and looks up whether the whole is kept, and how far it is beyond the budget."""

    def __init__(self, table: dict[str, tuple[bool, float]]) -> None:
        self.table, self.tried = table, []

    def try_move(self, state: State, move: Move) -> Tried:
        whole = f"{state.name}+{move.name}" if state.name else move.name
        kept, overshoot = self.table[whole]
        made = None if math.isinf(overshoot) else SOME
        trial = Trial(len(self.tried) + 1, move.name, (), None, kept, "", 0.0)
        self.tried.append(Tried(State((*state.steps, *move.steps), made, whole), trial, overshoot))
        return self.tried[-1]


def carried(**table: tuple[bool, float]) -> tuple[list[str], str]:
    trials: Any = Table({name.replace("_", "+"): found for name, found in table.items()})
    best = carry_out(trials, PLAN)
    return [item.state.name for item in trials.tried], best.state.name


def test_what_was_kept_is_built_on() -> None:
    tried, best = carried(cut=(True, 0.5), cut_int8=(True, 0.1), cut_int8_list=(True, 0.0))
    assert tried == ["cut", "cut+int8", "cut+int8+list"] and best == "cut+int8+list"


def test_what_was_undone_is_not_built_on() -> None:
    tried, best = carried(cut=(True, 0.0), cut_int8=(False, 0.2), cut_list=(True, 0.0))
    assert tried == ["cut", "cut+int8", "cut+list"] and best == "cut+list"


def test_until_something_is_kept_what_comes_nearest_is_built_on() -> None:
    tried, best = carried(cut=(False, 0.3), cut_int8=(False, 0.1), cut_int8_list=(True, 0.0))
    assert tried == ["cut", "cut+int8", "cut+int8+list"] and best == "cut+int8+list"
    tried, best = carried(cut=(False, 0.3), cut_int8=(False, 0.4), cut_list=(False, 0.35))
    assert tried == ["cut", "cut+int8", "cut+list"] and best == "cut"


def test_what_cannot_be_made_is_not_built_on() -> None:
    tried, best = carried(cut=(False, math.inf), int8=(False, 0.4), int8_list=(False, math.inf))
    assert tried == ["cut", "int8", "int8+list"] and best == "int8"
    with pytest.raises(LissomError, match="nothing that was tried"):
        carried(cut=(False, math.inf), int8=(False, math.inf), list=(False, math.inf))
