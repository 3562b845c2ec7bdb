"""Steps as values: names, JSON, and what their constructors refuse."""

import json
import math
import re
from typing import Any

import pytest

from lissom.core.errors import LissomError
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.prune import Prune
from lissom.steps.step import STEPS, step_from_json
from lissom.testing import STEP_CASES


def test_names_are_those_of_the_table() -> None:
    assert {name: STEPS.get(name).name for name in STEPS} == {name: name for name in STEPS}


def test_json_holds_the_name_and_every_field() -> None:
    assert Distill(3, views=0).to_json() == {
        "step": "distill", "epochs": 3, "rate": 6e-3, "batch": 128, "labels": 0.5, "views": 0, "share": 1.0,
        "losses": (), "settings": (), "pairs": (), "teachers": (), "texts": "",
    }  # fmt: skip


def test_a_distillation_with_losses_goes_through_json() -> None:
    step = Distill(
        2,
        losses=(("hints", 0.5), ("logits", 1.0)),
        settings=(("logits", "temperature", 2.0),),
        pairs=(("a", "b"),),
        teachers=("hf:other",),
    )
    assert step_from_json(json.loads(json.dumps(step.to_json()))) == step


def test_a_distillation_of_an_earlier_run_is_read() -> None:
    earlier = {"step": "distill", "epochs": 4, "rate": 6e-3, "batch": 128, "labels": 0.1, "views": 2, "share": 1.0}
    assert step_from_json(earlier) == Distill(4, labels=0.1, views=2)


def test_lists_of_json_become_tuples_again() -> None:
    made = step_from_json({"step": "prune", "removed": [[0, "stem", [1, 2]], [3, "head", []]]})
    assert made == Prune(((0, "stem", (1, 2)), (3, "head", ())))
    hash(made)


def test_an_unknown_step_is_named_with_a_close_one() -> None:
    with pytest.raises(LissomError, match="unknown step 'prun'") as caught:
        step_from_json({"step": "prun"})
    assert caught.value.hints[0] == "did you mean prune?"


@pytest.mark.parametrize(("epochs", "labels"), [(0, 0.1), (-1, 0.1), (1, 1.1), (1, -0.1)])
def test_distillation_checks_its_settings(epochs: int, labels: float) -> None:
    with pytest.raises(LissomError):
        Distill(epochs=epochs, labels=labels)


def test_no_two_steps_are_equal() -> None:
    assert len({case.step for case in STEP_CASES.values()}) == len(STEP_CASES)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 1, "epoch": 3}, "no setting 'epoch'"),
        ({"epochs": "three"}, "epochs of the step distill is 'three'"),
        ({"epochs": 1, "rate": True}, "rate of the step distill is True"),
        ({"epochs": 1, "losses": ["dkd"]}, "losses of the step distill is"),
        ({"epochs": 1, "losses": {"dkd": 1}}, "losses of the step distill is"),
        ({"epochs": 1, "losses": [["dkd", 1]], "settings": [["dkd", "gamma", 1]]}, "dkd has no setting 'gamma' that"),
        ({"epochs": 1, "losses": [["dkd", 1]], "settings": [["dkd", "beta", -1]]}, "beta of the loss dkd is -1"),
        ({"epochs": 1, "losses": [["dkd", 1]], "settings": [["rkd", "angle", 1]]}, "rkd, which is not in losses"),
        ({"rate": 0.1}, "the step distill lacks epochs"),
    ],
)
def test_a_setting_that_is_none_is_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        step_from_json({"step": "distill", **settings})


def test_a_list_that_a_plan_has_otherwise_is_shown_as_it_has_to_be() -> None:
    with pytest.raises(LissomError) as caught:
        step_from_json({"step": "distill", "epochs": 1, "losses": [["hints", "much"]]})
    assert caught.value.hints == ('give a list like [["name", 1.0], ...]',)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"step": "int8", "examples": 0}, "examples of the step int8 is 0"),
        ({"step": "int8", "batch": -1}, "batch of the step int8 is -1"),
        ({"step": "int8_mixed", "examples": -5}, "examples of the step int8_mixed is -5"),
        ({"step": "batchnorm", "examples": 0}, "examples of the step batchnorm is 0"),
        ({"step": "reconstruct", "batch": 0}, "batch of the step reconstruct is 0"),
        ({"step": "sparsify", "examples": 0}, "examples of the step sparsify is 0"),
        ({"step": "low_rank", "layers": [], "batch": 0}, "batch of the step low_rank is 0"),
        ({"step": "separable", "layers": [], "batch": 0}, "batch of the step separable is 0"),
        ({"step": "distill", "epochs": 1, "batch": 0}, "batch of the step distill is 0"),
        ({"step": "distill", "epochs": 1, "rate": 0}, "rate of the step distill is 0"),
        ({"step": "distill", "epochs": 1, "rate": math.inf}, "rate of the step distill is inf"),
        ({"step": "distill", "epochs": 1, "rate": math.nan}, "rate of the step distill is nan"),
        ({"step": "distill", "epochs": 1, "views": -1}, "-1 views are not possible"),
        ({"step": "distill_sequences", "epochs": 1, "batch": 0}, "batch of the step distill_sequences is 0"),
        ({"step": "distill_int8", "epochs": 1, "examples": 0}, "examples of the step distill_int8 is 0"),
    ],
    ids=lambda value: "" if isinstance(value, str) else str(value),
)
def test_sizes_that_cannot_be(data: dict[str, Any], said: str) -> None:
    with pytest.raises(LissomError, match=re.escape(said)):
        step_from_json(data)
