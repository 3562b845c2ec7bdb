"""What a move on top of others is called when all of them are carried out as one."""

from dataclasses import replace

import pytest

from lissom.core.errors import LissomError
from lissom.engine.decisions import Decision
from lissom.engine.trials import State, _check_same, _trial
from lissom.plan.move import Move
from lissom.steps.distillation.distill import Distill
from lissom.steps.nothing import Nothing

CUT, INT8 = Move("prune 50% + repair", (Nothing(),)), Move("quantize int8", (Nothing(),))


def test_a_move_on_top_of_another_names_both() -> None:
    whole = State((Nothing(),), None, CUT.name).with_move(INT8)
    assert whole == Move("prune 50% + repair + quantize int8", (Nothing(), Nothing()))


def test_the_first_one_and_one_that_says_all_keep_their_names() -> None:
    assert State().with_move(CUT) == CUT
    longer = Move("prune 50% + repair + int8", (Nothing(),))
    assert State((Nothing(),), None, CUT.name).with_move(longer).name == longer.name


def test_a_trial_is_not_read_as_one_of_other_steps() -> None:
    step = Distill(2, losses=(("logits", 1.0),))
    move = Move("distill", (step,))
    known = _trial(1, move, Decision(False, "too slow"), {}, 1.0)
    _check_same(known, move)
    for other in (Move("distill", (replace(step, epochs=3),)), CUT):
        with pytest.raises(LissomError, match="begun with another plan, or by another version"):
            _check_same(known, other)
