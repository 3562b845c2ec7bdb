"""Tables are read lazily, suggest what was meant, and never hold a name twice."""

import sys
from importlib import import_module

import pytest

from lissom.core.errors import LissomError
from lissom.core.tables import Table, did_you_mean


def table() -> Table:
    return Table("step", {"prune": "collections:OrderedDict", "distill": "not_there_at_all:X"})


def test_members_are_imported_when_asked_for() -> None:
    made = table()
    assert list(made) == ["prune", "distill"] and "prune" in made and "cluster" not in made
    assert made.get("prune").__name__ == "OrderedDict"
    assert "not_there_at_all" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        made.get("distill")


def test_an_unknown_name_with_a_close_one() -> None:
    with pytest.raises(LissomError, match="unknown step 'distil'") as caught:
        table().get("distil")
    assert caught.value.hints[0] == "did you mean distill?"


def test_an_unknown_name_without_a_close_one() -> None:
    with pytest.raises(LissomError, match="unknown step 'xyz'") as caught:
        table().get("xyz")
    assert caught.value.hints == ("known: prune, distill",)


def test_a_slip_of_the_pen_is_guessed() -> None:
    assert did_you_mean("latncy", ["size", "latency"]) == "did you mean latency?"
    assert did_you_mean("resnet", iter(["resnet1", "resnet2"])) in (
        "did you mean resnet1 or resnet2?",
        "did you mean resnet2 or resnet1?",
    )
    assert did_you_mean("xyz", ["size", "latency"]) == ""


def test_code_outside_may_add_but_not_replace() -> None:
    made = table()
    made.add("mine", "collections:deque")
    assert made.get("mine").__name__ == "deque"
    with pytest.raises(LissomError, match="a step called 'prune' already: collections:OrderedDict"):
        made.add("prune", "collections:deque")
    with pytest.raises(LissomError, match="already"):
        made.add("mine", "collections:deque")


def test_a_table_is_no_window_on_the_dictionary_that_made_it() -> None:
    places = {"a": "collections:deque"}
    made = Table("thing", places)
    places["b"] = "collections:deque"
    assert "b" not in made


@pytest.mark.parametrize(
    ("module", "name"),
    [("lissom.targets", "TARGETS"), ("lissom.tasks", "TASKS"), ("lissom.steps.step", "STEPS")],
)
def test_every_place_of_our_tables_is_there(module: str, name: str) -> None:
    made: Table = getattr(import_module(module), name)
    assert list(made)
    for member in made:
        assert made.get(member) is not None, member
