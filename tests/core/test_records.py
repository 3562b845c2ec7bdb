"""Records come back from JSON as they were, and from other versions as far as they are understood."""

import json
from dataclasses import dataclass, field, fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.records import (
    Figures,
    LimitCheck,
    Machine,
    Neighbour,
    Settings,
    Trial,
    Verdict,
    Width,
    from_json,
    to_json,
)

numbers = st.floats(allow_nan=False)
counts = st.integers(0, 2**53)
intervals = st.tuples(numbers, numbers)
samples = st.lists(numbers, max_size=3).map(tuple)
by_class = st.lists(st.none() | numbers, max_size=3).map(tuple)
texts = st.text(max_size=10)
words = st.lists(texts, max_size=3).map(tuple)
figures = st.builds(
    Figures,
    *(
        numbers,
        intervals,
        numbers,
        intervals,
        numbers,
        counts,
        counts,
        counts,
        counts,
        texts,
        samples,
        by_class,
        counts,
    ),
)
plain = st.dictionaries(texts, st.none() | numbers | texts | st.lists(counts, max_size=2), max_size=3)
checks = st.builds(LimitCheck, texts, numbers, numbers, texts, texts, st.booleans())
records = st.one_of(
    figures,
    st.builds(Width, texts, texts, counts, counts),
    st.builds(Neighbour, texts, counts, counts, numbers, st.none() | numbers, texts),
    st.builds(Settings, *[texts] * 5, *[counts] * 3, plain),
    st.builds(Machine, texts, counts, words, texts, st.dictionaries(texts, texts, max_size=2)),
    st.builds(
        Trial,
        *(
            counts,
            texts,
            st.lists(plain, max_size=2).map(tuple),
            st.none() | figures,
            st.booleans(),
            texts,
            numbers,
        ),
        *(numbers, intervals, numbers, st.dictionaries(texts, numbers, max_size=2), words),
    ),
    st.builds(
        Verdict,
        *(st.booleans(), figures, figures, numbers, intervals, numbers, intervals),
        *(st.lists(checks, max_size=2).map(tuple), words),
        *(st.lists(st.builds(Width, texts, texts, counts, counts), max_size=2).map(tuple), numbers),
    ),
)


@given(records)
def test_records_come_back(record: Any) -> None:
    text = json.dumps(to_json(record))
    assert from_json(type(record), json.loads(text)) == record


@given(figures)
def test_fields_of_a_later_version_are_left_out(record: Figures) -> None:
    assert from_json(Figures, {**to_json(record), "colour": "blue"}) == record


@given(figures)
def test_fields_that_an_earlier_version_did_not_write_have_their_defaults(record: Figures) -> None:
    early = {key: value for key, value in to_json(record).items() if key not in ("examples", "score_by_class")}
    revived = from_json(Figures, early)
    assert (revived.examples, revived.score_by_class) == (0, ())


def test_a_class_without_examples_has_no_score() -> None:
    plain = Figures(50.0, (40.0, 60.0), 1.0, (0.9, 1.1), 1.2, 10, 20, 30, 40, score_by_class=(50.0, None))
    text = json.dumps(to_json(plain), allow_nan=False)
    assert from_json(Figures, json.loads(text)).score_by_class == (50.0, None)


@dataclass(frozen=True)
class Inner:
    pair: tuple[int, str]


@dataclass(frozen=True)
class Outer:
    inner: Inner | None
    many: tuple[Inner, ...] = ()
    table: dict[str, Any] = field(default_factory=dict)


def test_records_nest() -> None:
    value = Outer(Inner((1, "a")), (Inner((2, "b")), Inner((3, "c"))), {"k": [1]})
    assert from_json(Outer, json.loads(json.dumps(to_json(value)))) == value
    assert from_json(Outer, to_json(Outer(None))) == Outer(None)


def test_a_tuple_of_another_length_is_noticed() -> None:
    with pytest.raises(ValueError, match="zip"):
        from_json(Inner, {"pair": [1, "a", "b"]})


def test_every_type_of_field_is_known() -> None:
    for kind in (Figures, Width, Trial, LimitCheck, Verdict, Neighbour, Settings, Machine):
        assert get_type_hints(kind).keys() == {item.name for item in fields(kind)}
