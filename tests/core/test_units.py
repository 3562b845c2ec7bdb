"""Quantities are read as they are written, and what is none is refused with the units that there are."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.core.units import (
    UNITS,
    format_bytes,
    format_count,
    format_epochs,
    format_ms,
    format_seconds,
    parse_quantity,
    parse_seconds,
)

numbers = st.floats(1e-3, 1e6).map(lambda value: float(f"{value:.6g}"))
cases = [(dimension, unit) for dimension, units in UNITS.items() for unit in units]


@given(numbers, st.sampled_from(cases), st.sampled_from(["", " ", "  "]))
def test_every_unit_is_read(number: float, case: tuple[str, str], space: str) -> None:
    dimension, unit = case
    found = parse_quantity(f"{space}{number!r}{space}{unit}{space}", dimension)
    assert not found.relative
    assert found.value == pytest.approx(number * UNITS[dimension][unit])


@given(numbers, st.sampled_from(list(UNITS)))
def test_percentages_are_fractions(number: float, dimension: str) -> None:
    found = parse_quantity(f"{number!r}%", dimension)
    assert found.relative and found.value == pytest.approx(number / 100)


@given(st.floats(1, 9.9e11))
def test_bytes_come_back_as_they_were_written(size: float) -> None:
    assert parse_quantity(format_bytes(size), "bytes").value == pytest.approx(size, rel=0.006, abs=0.5)


@given(st.floats(1, 9.9e11))
def test_counts_come_back_as_they_were_written(count: float) -> None:
    assert parse_quantity(format_count(count), "count").value == pytest.approx(count, rel=0.006, abs=0.5)


@given(st.floats(1e-3, 1e7))
def test_times_come_back_as_they_were_written(milliseconds: float) -> None:
    assert parse_quantity(format_ms(milliseconds), "time").value == pytest.approx(milliseconds, rel=0.006)


@given(st.integers(0, 10), st.integers(0, 200), st.integers(0, 200))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s"
    assert parse_seconds(text) == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h", 3600), ("1h30m", 5400), ("45", 45), ("0.5h", 1800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "soon", "10ms", "-5s", "5 minutes", "10m1h", "nan", "1h 30m x"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(LissomError, match="not a duration") as caught:
        parse_seconds(text)
    assert caught.value.hints


@pytest.mark.parametrize(
    ("text", "dimension", "said"),
    [
        ("", "time", "not a number with a unit"),
        ("fast", "time", "not a number"),
        ("5", "time", "has no unit"),
        ("5 MB", "time", "has the unit 'MB'"),
        ("5ms", "bytes", "has the unit 'ms'"),
        ("5mb", "bytes", "has the unit 'mb'"),
        ("1,5ms", "time", "not a number"),
        ("0.5", "points", "has no unit"),
        ("nan%", "points", "not a number"),
        ("inf ms", "time", "not a number"),
        ("5ms5ms", "time", "not a number"),
        ("--5ms", "time", "not a number"),
    ],
)
def test_what_is_no_quantity_is_refused(text: str, dimension: str, said: str) -> None:
    with pytest.raises(LissomError, match=said) as caught:
        parse_quantity(text, dimension)
    assert caught.value.hints[0].startswith("units: ")


def test_a_number_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(LissomError, match="too large"):
        parse_quantity("1e999MB", "bytes")


def test_a_percentage_can_be_out_of_place() -> None:
    with pytest.raises(LissomError, match="has the unit '%'") as caught:
        parse_quantity("5%", "time", relative=False)
    assert "%" not in caught.value.hints[0]


@given(st.text(max_size=12), st.sampled_from(list(UNITS)))
def test_any_text_is_read_or_refused(text: str, dimension: str) -> None:
    with contextlib.suppress(LissomError):
        assert math.isfinite(parse_quantity(text, dimension).value)
    with contextlib.suppress(LissomError):
        assert parse_seconds(text) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.4, "59 s"), (59.7, "1 min 0 s"), (95, "1 min 35 s"),
     (3599.9, "1 h 0 min"), (5400, "1 h 30 min")],
)  # fmt: skip
def test_seconds_are_written_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(1_536_000, "1.54 MB"), (999, "999 B"), (126_049, "126 kB")])
def test_bytes_are_written_for_people(value: int, text: str) -> None:
    assert format_bytes(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.1234, "0.123 ms"), (2500, "2.5 s"), (0.00312, "0.00312 ms")])
def test_milliseconds_are_written_for_people(value: float, text: str) -> None:
    assert format_ms(value) == text


def test_nothing_is_written_with_an_exponent() -> None:
    for value in (999.6, 999_600, 999.6e6, 999_999, 1e9, 4.56e8):
        for written in (format_bytes(value), format_count(value), format_ms(value)):
            assert "e" not in written.split()[0], written


@pytest.mark.parametrize(("count", "said"), [(1, "1 epoch"), (1.0, "1 epoch"), (2, "2 epochs"), (0.5, "0.5 epochs")])
def test_epochs(count: float, said: str) -> None:
    assert format_epochs(count) == said
