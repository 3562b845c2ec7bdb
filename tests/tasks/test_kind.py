"""What the table of tasks says of each task is so."""

from importlib import import_module
from importlib.resources import files

import pytest

from lissom.core.errors import LissomError
from lissom.tasks import TASKS, input_of
from lissom.tasks.kind import numbers, words


@pytest.mark.parametrize("task", list(TASKS))
def test_a_task_takes_the_options_it_offers(task: str) -> None:
    kind = TASKS.get(task)
    options = import_module(f"{kind.handling}.options")
    options.chosen_options({option.name: () for option in kind.options if option.name != "metric"})
    with pytest.raises(LissomError, match=f"the task {task} has no option 'nonsense'"):
        options.chosen_options({"nonsense": 1})


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
