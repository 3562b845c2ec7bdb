"""What a move on top of others is called when all of them are carried out as one."""

from lissom.engine.trials import State
from lissom.plan.move import Move
from lissom.steps.nothing import Nothing

CUT, INT8 = Move("prune 50% + repair", (Nothing(),)), Move("quantize int8", (Nothing(),))


def test_a_move_on_top_of_another_names_both() -> None:
    whole = State((Nothing(),), None, CUT.name).with_move(INT8)
    assert whole == Move("prune 50% + repair + quantize int8", (Nothing(), Nothing()))


def test_the_first_one_and_one_that_says_all_keep_their_names() -> None:
    assert State().with_move(CUT) == CUT
    longer = Move("prune 50% + repair + int8", (Nothing(),))
    assert State((Nothing(),), None, CUT.name).with_move(longer).name == longer.name
