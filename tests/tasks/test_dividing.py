"""Dividing what belongs together: a group lies in one part, and nothing of it is lost."""

from collections.abc import Sequence

import numpy as np
import pytest

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Found
from lissom.tasks.translation.pairs import Pair, listing, plain

PARTS = ("train", "select", "test")


def pairs(*names: str) -> list[Pair]:
    return [(name, f"{number}") for number, name in enumerate(names)]


def divided(given: dict[str, list[Pair]], **options: float) -> dict[str, list[str]]:
    parts = {name: listing(rows) for name, rows in given.items()}
    found = divide(Found("menus", parts, together=plain), **options)  # pyright: ignore[reportArgumentType]
    return {name: found.parts[name].names() for name in PARTS}


@pytest.mark.parametrize("given", [("all",), ("train", "test"), ("train", "select")])
@pytest.mark.parametrize("seed", range(5))
def test_a_sentence_is_in_one_part_whatever_its_case(given: Sequence[str], seed: int) -> None:
    draw = np.random.default_rng(seed)
    cases = (str, str.upper, str.title, lambda text: f" {text.replace(' ', '  ')}")
    source = {
        part: pairs(*(cases[draw.integers(4)](f"{part} menu {draw.integers(40)}") for _ in range(200)))
        for part in given
    }
    found = divided(source, seed=seed, select=0.1)
    held = [{plain(name) for name in found[part]} for part in PARTS]
    assert all(held) and len(set.union(*held)) == sum(map(len, held))
    assert sum(map(len, found.values())) == 200 * len(given), "nothing is lost"
    if given == ("all",):
        assert abs(len(found["test"]) - 40) <= 6 and abs(len(found["select"]) - 20) <= 6
    elif given == ("train", "test"):
        assert len(found["test"]) == 200 and abs(len(found["select"]) - 20) <= 6
    else:
        assert abs(len(found["test"]) - 100) <= 6


def test_what_is_not_repeated_is_divided_as_if_nothing_belonged_together() -> None:
    rows = pairs(*(f"Menu {number}" for number in range(50)))
    for given in ({"all": rows}, {"train": rows[:30], "test": rows[30:]}, {"train": rows[:9], "select": rows[9:]}):
        parts = {name: listing(part) for name, part in given.items()}
        alone = divide(Found("menus", parts)).parts
        assert divided(given) == {name: alone[name].names() for name in PARTS}


def test_one_sentence_alone_cannot_be_divided() -> None:
    with pytest.raises(LissomError, match="menus has no examples for the"):
        divided({"all": pairs(*["Save", "save"] * 20)})
