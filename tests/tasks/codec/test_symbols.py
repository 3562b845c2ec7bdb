import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.tasks.codec.symbols import SCALES, TOTAL, Reader, Tables, Writer, make_table, make_tables, scale_of

TABLES = Tables(make_tables())


@st.composite
def numbers(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    indices = draw(st.lists(st.integers(0, len(TABLES.counts) - 1), max_size=60))
    most = TABLES.most[indices].tolist()
    return (
        np.asarray([draw(st.integers(-n, n)) for n in most], dtype=np.int32),
        np.asarray(indices, dtype=np.int32),
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(numbers(), max_size=4))
def test_what_is_written_is_read(parts: list[tuple[np.ndarray, np.ndarray]]) -> None:
    writer = Writer(TABLES)
    for symbols, indices in parts:
        writer.write(symbols, indices)
    reader = Reader(TABLES, writer.bytes())
    for symbols, indices in parts:
        np.testing.assert_array_equal(reader.read(indices), symbols)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=64), st.integers(0, 200))
def test_any_bytes_give_numbers_of_the_tables_or_an_error(content: bytes, count: int) -> None:
    indices = np.arange(count, dtype=np.int32) % SCALES
    try:
        found = Reader(TABLES, content).read(indices)
    except LissomError:
        return
    assert (np.abs(found) <= TABLES.most[indices]).all()


def test_rates_are_near_what_the_tables_promise() -> None:
    generator = np.random.default_rng(0)
    index = 40
    symbols = np.rint(generator.logistic(scale=scale_of(index), size=5000)).astype(np.int32)
    symbols = np.clip(symbols, -TABLES.most[index], TABLES.most[index])
    writer = Writer(TABLES)
    writer.write(symbols, np.full(len(symbols), index, np.int32))
    assert 8 * len(writer.bytes()) == pytest.approx(TABLES.bits(symbols, index), rel=0.01)


def test_a_stream_of_today_is_read_tomorrow() -> None:
    """The bytes are fixed: another version of the coder, or other tables, would not read what was written."""
    symbols = (np.arange(3 * SCALES) % 7 - 3).astype(np.int32)
    writer = Writer(TABLES)
    writer.write(symbols, (np.arange(3 * SCALES) % SCALES).astype(np.int32))
    assert hashlib.sha256(writer.bytes()).hexdigest()[:16] == "da8e35003d596909"


@pytest.mark.parametrize("scale", [0.05, 1.0, 54.0])
def test_tables_are_symmetric_whole_and_without_gaps(scale: float) -> None:
    table = make_table(scale, 20)
    assert table.sum() == TOTAL and table.min() >= 1
    assert np.abs(table - table[::-1]).max() <= 1


def test_damaged_tables_are_refused() -> None:
    with pytest.raises(LissomError, match="damaged"):
        Tables([np.asarray([1, 2, 3], dtype=np.int32)])


def test_bytes_that_are_cut_off_are_refused() -> None:
    with pytest.raises(LissomError, match="cut off"):
        Reader(TABLES, b"abc")
