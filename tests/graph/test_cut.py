import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lissom.core.errors import LissomError
from lissom.graph import Cut, fingerprint

places = st.sets(st.integers(0, 200), min_size=1).map(lambda s: tuple(sorted(s)))
kept = st.dictionaries(st.text(min_size=1), st.dictionaries(st.integers(0, 5), places, min_size=1))


@given(kept)
def test_json_gives_the_same_cut_back(kept):
    cut = Cut(kept, "abc")
    assert Cut.from_json(cut.to_json()) == cut


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}'])
def test_what_is_not_a_cut_is_refused(text):
    with pytest.raises(LissomError, match="not a cut"):
        Cut.from_json(text)


def test_a_later_schema_is_refused():
    with pytest.raises(LissomError, match="schema 99"):
        Cut.from_json('{"schema": 99, "architecture": "", "kept": {}}')


def test_fingerprint_sees_shapes_and_names_not_values():
    assert fingerprint(nn.Linear(2, 3)) == fingerprint(nn.Linear(2, 3))
    assert fingerprint(nn.Linear(2, 3)) != fingerprint(nn.Linear(3, 2))
    assert fingerprint(nn.Sequential(nn.Linear(2, 3))) != fingerprint(nn.Linear(2, 3))


def test_refusal_says_what_does_not_fit():
    cut = Cut({"weight": {0: (0, 5)}}, fingerprint(nn.Linear(2, 6)))
    with pytest.raises(LissomError, match=r"weight is \(3, 2\)"):
        cut.check(nn.Linear(2, 3))
    with pytest.raises(LissomError, match="it has no weight"):
        cut.check(nn.Sequential(nn.Linear(2, 3)))
