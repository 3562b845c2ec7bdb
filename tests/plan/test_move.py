"""Moves and plans are JSON and back, and know which steps are for the model and which for the artefact."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.plan.move import Move, Plan, move_from_json, plan_from_json
from lissom.steps.distillation.distill import Distill
from lissom.steps.nothing import Nothing
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.repair.batchnorm import ReestimateBatchNorm
from lissom.steps.repair.reconstruct import Reconstruct

counts = st.integers(1, 9)
units = st.lists(st.integers(0, 500), max_size=4).map(tuple)
steps = st.one_of(
    st.just(Nothing()),
    st.lists(st.tuples(st.integers(0, 99), st.text(max_size=6), units), max_size=3).map(tuple).map(Prune),
    st.builds(Reconstruct, counts, counts, st.floats(0, 1)),
    st.builds(ReestimateBatchNorm, counts, counts),
    st.builds(Distill, counts, st.floats(1e-6, 1), counts, st.floats(0, 1), st.integers(0, 4)),
    st.builds(QuantizeInt8, counts, counts),
)
moves = st.builds(Move, st.text(max_size=9), st.lists(steps, max_size=4).map(tuple))


@given(moves)
def test_moves_come_back(move: Move) -> None:
    assert move_from_json(json.loads(json.dumps(move.to_json()))) == move


@given(st.lists(moves, max_size=3).map(tuple).map(Plan))
def test_plans_come_back(plan: Plan) -> None:
    assert plan_from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(moves)
def test_every_step_is_of_the_model_or_of_the_artefact(move: Move) -> None:
    sorted_out = [*move.model_steps, *move.artefact_steps]
    assert len(sorted_out) == len(move.steps) and all(step in move.steps for step in sorted_out)


def test_kinds_of_steps() -> None:
    move = Move("both", (Distill(1), QuantizeInt8(), Nothing()))
    assert move.model_steps == (Distill(1), Nothing()) and move.artefact_steps == (QuantizeInt8(),)


def test_a_step_of_another_version_is_named() -> None:
    with pytest.raises(LissomError, match="unknown step 'distil'"):
        move_from_json({"name": "x", "steps": [{"step": "distil", "epochs": 1}]})


@pytest.mark.parametrize(
    "said",
    [
        1,
        {},
        {"name": "x"},
        {"name": 5, "steps": [{"step": "int8"}]},
        {"name": "x", "steps": {}},
        {"name": "x", "steps": "int8"},
        {"name": "x", "steps": [None]},
        {"name": "x", "steps": [{}]},
        {"name": "x", "steps": [{"step": ["int8"]}]},
        {"name": "x", "steps": [{"step": "int8"}], "drop": 1},
    ],
    ids=str,
)
def test_what_is_no_move_is_said_with_what_one_is_like(said: Any) -> None:
    with pytest.raises(LissomError, match="this is no move") as caught:
        move_from_json(said)
    assert '"steps": [{"step": "int8"}' in caught.value.hints[0]
