"""What the table of tasks says of each task is so."""

from dataclasses import fields
from importlib import import_module
from importlib.resources import files

import pytest

from lissom.core.errors import LissomError
from lissom.tasks import TASKS, input_of
from lissom.tasks.kind import numbers, words
from lissom.tasks.loading import load


@pytest.mark.parametrize("task", list(TASKS))
def test_a_task_takes_the_options_it_offers(task: str) -> None:
    kind = TASKS.get(task)
    module, _, name = kind.settings.partition(":")
    settings = getattr(import_module(module), name)
    assert {option.name for option in kind.options} <= {field.name for field in fields(settings)}


def test_an_unknown_option_is_refused_with_those_there_are() -> None:
    with pytest.raises(LissomError, match="there is no option 'pixels' for pictures") as refused:
        load("zoo:sample", data="somewhere", pixels=3)
    assert "known: size, resize" in str(refused.value)


@pytest.mark.parametrize("task", list(TASKS))
def test_a_task_has_what_a_bundle_carries(task: str) -> None:
    assert files(TASKS.get(task).handling).joinpath("handling.py").is_file()
    assert files("lissom.export.predictors").joinpath(f"{task}.py").is_file()


def test_a_task_of_elsewhere_has_an_input_too() -> None:
    assert input_of("image") == "PICTURE"
    assert input_of("weather") == "INPUT"


def test_values_by_commas() -> None:
    assert words("--text", "first, second") == ["first", "second"]
    assert numbers("--mean", "0.5,1") == (0.5, 1)
    with pytest.raises(LissomError, match="--mean 'half' is not numbers"):
        numbers("--mean", "half")
