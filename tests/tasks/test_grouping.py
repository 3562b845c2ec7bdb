"""Dividing by speakers: no speaker is judged by whom something was learnt from."""

import numpy as np
import pytest

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Found, Listing


class Numbers:
    """Examples that are their own numbers."""

    def __len__(self) -> int:
        return 1000

    def read(self, row: int) -> int:
        return row

    def name(self, row: int) -> str:
        return str(row)


def part(*speakers: str, each: int = 10) -> Listing[int]:
    groups = np.asarray([name for name in speakers for _ in range(each)])
    return Listing(Numbers(), np.arange(len(groups)), np.arange(len(groups)) % 2, groups)


def speakers(found: Found[int], name: str) -> set[str]:
    groups = found.parts[name].groups
    assert groups is not None
    return set(groups.tolist())


@pytest.mark.parametrize("count", [3, 4, 10, 40])
def test_no_speaker_is_in_two_parts(count: int) -> None:
    found = divide(Found("voices", {"all": part(*(f"s{n}" for n in range(count)))}, ("a", "b")))
    found_in = {name: speakers(found, name) for name in ("train", "select", "test")}
    assert sum(map(len, found_in.values())) == count == len(set.union(*found_in.values()))
    assert all(found_in.values())
    assert len(found.parts["test"]) >= 0.2 * 10 * count - 10 and "train" in found.notes[-1]


def test_the_same_speakers_fall_into_test_whatever_the_order() -> None:
    names = [f"s{n}" for n in range(12)]
    tests = [speakers(divide(Found("v", {"all": part(*order)}, ("a", "b"))), "test") for order in (names, names[::-1])]
    assert tests[0] == tests[1]


def test_select_is_whole_speakers_of_train_where_test_is_given() -> None:
    found = divide(Found("v", {"train": part("a", "b", "c"), "test": part("d")}, ("x", "y")), select=0.3)
    assert speakers(found, "test") == {"d"}
    assert speakers(found, "train").isdisjoint(speakers(found, "select")) and len(speakers(found, "train")) == 2


def test_two_speakers_cannot_be_divided() -> None:
    with pytest.raises(LissomError, match="too few speakers to be divided by them: a, b"):
        divide(Found("v", {"all": part("a", "b")}, ("x", "y")))


def test_the_users_own_parts_stay_and_shared_speakers_are_said() -> None:
    given = {"train": part("a", "b"), "select": part("a"), "test": part("b", "c")}
    found = divide(Found("v", given, ("x", "y")))
    assert found.parts["test"] is given["test"]
    assert "1 speakers of test, such as b, are in train or select too" in found.notes[-1]
    apart = divide(Found("v", {**given, "test": part("c")}, ("x", "y")))
    assert not any("not unseen" in note for note in apart.notes)


def test_a_part_without_speakers_beside_ones_with_is_refused() -> None:
    bare = Listing(Numbers(), np.arange(10), np.arange(10) % 2)
    with pytest.raises(LissomError, match="the part test has no speakers, another has"):
        divide(Found("v", {"train": part("a", "b"), "test": bare}, ("x", "y")))
