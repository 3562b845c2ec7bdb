"""The model of a workload: as many outputs as the data have classes, and words for what answers no classes."""

import numpy as np
import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import Found, Listing
from lissom.tasks.models import Wording, classes_answered, model_for
from lissom.tasks.remarks import named, untrained
from lissom.workload.models import LoadedModel
from lissom.workload.request import Request


class Nothing:
    """Three examples that nobody reads."""

    def __len__(self) -> int:
        return 3

    def read(self, row: int) -> str:
        raise AssertionError(row)

    def name(self, row: int) -> str:
        return str(row)


def found(classes: tuple[str, ...] = (), labels: tuple[int, ...] | None = (0, 4, 2)) -> Found[str]:
    numbers = None if labels is None else np.asarray(labels)
    return Found("three", {"all": Listing(Nothing(), np.arange(3), numbers)}, classes)


@pytest.mark.parametrize(
    ("data", "classes"), [(found(("a", "b", "c")), 3), (found(), 5), (found(labels=None), 1000), (None, 1000)]
)
def test_random_weights_are_for_the_classes_of_the_data(data: Found[str] | None, classes: int) -> None:
    loaded = model_for("zoo:sample", Request(None, random_weights=True), Progress(False), classes_of=data)
    assert loaded.module(torch.zeros(1, 3, 28, 28)).shape == (1, classes)
    assert untrained(loaded) == ("random weights, as asked: agreement with the original stands in for the score",)


def test_weights_tell_their_classes_by_themselves() -> None:
    loaded = model_for("zoo:sample", Request(None), Progress(False), data="fashion-mnist", classes_of=found())
    assert loaded.module(torch.zeros(1, 3, 28, 28)).shape == (1, 10) and untrained(loaded) == ()


def asked(module: nn.Module) -> int:
    loaded = LoadedModel(module, "theirs")
    wording = Wording(task="telling smells", one="smell", given="a smell")
    return classes_answered(loaded, torch.zeros(1, 4), wording, hint="open the window")


def test_what_is_answered_is_counted_by_running_it() -> None:
    module = nn.Sequential(nn.Linear(4, 6), nn.Dropout()).train()
    assert asked(module) == 6 and not module.training


def test_what_cannot_be_run_and_what_answers_no_classes_is_said() -> None:
    with pytest.raises(LissomError, match=r"theirs cannot be run on a smell of \(1, 4\)") as caught:
        asked(nn.Linear(5, 6))
    assert caught.value.hints == ("open the window",)
    with pytest.raises(LissomError, match=r"answers one smell with \(1, 1\), not \(1, classes\)") as caught:
        asked(nn.Linear(4, 1))
    assert caught.value.hints == ("telling smells needs one score for each of at least two classes",)


class Answering(nn.Module):
    """Gives the same, whatever it is asked."""

    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, _smell: torch.Tensor) -> object:
        return self.answer


def test_scores_are_found_in_what_models_return() -> None:
    scores = torch.zeros(1, 3)
    assert asked(Answering((scores, None))) == asked(Answering({"logits": scores})) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [(((torch.zeros(1, 3),), 1), "tuple"), ({"boxes": 1}, "dict"), (None, "NoneType"), ((), "tuple"), ("rose", "str")],
)
def test_an_answer_without_scores_is_told_by_its_type(answer: object, told: str) -> None:
    with pytest.raises(LissomError, match=f"answers one smell with {told}, not"):
        asked(Answering(answer))


def test_long_lists_of_names_are_cut() -> None:
    assert named(["a, b", "c"]) == "a, b; c"
    assert named([str(number) for number in range(21)]).endswith("; 19; ...")
