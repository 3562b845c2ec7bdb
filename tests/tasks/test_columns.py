"""Columns of rows: values under one of several names, and the splits that a column says."""

from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.tasks.columns import by_part, column, value_of

PATH = Path("rows.csv")


def test_a_value_has_one_of_several_names() -> None:
    assert value_of(PATH, 3, {"file": "", "path": "a"}, ("file", "path")) == "a"
    with pytest.raises(LissomError, match=r"rows\.csv, line 3 has no file"):
        value_of(PATH, 3, {"file": ""}, ("file", "path"))
    assert column(PATH, [(1, {"a": None}), (2, {})], ("a",)) is None
    with pytest.raises(LissomError, match="line 2 has no a"):
        column(PATH, [(1, {"a": 1}), (2, {})], ("a",))


def test_rows_are_sorted_by_the_words_for_splits() -> None:
    rows = [(number, {"Part": word}) for number, word in enumerate(("train", " Dev", "TEST", "training"), start=2)]
    assert by_part(PATH, rows, ("Part",)) == {"train": [0, 3], "select": [1], "test": [2]}
    assert by_part(PATH, rows) == {"all": [0, 1, 2, 3]}
    with pytest.raises(LissomError, match="line 7: a split 'later'") as refused:
        by_part(PATH, [(7, {"split": "later"})])
    assert "validation" in refused.value.hints[0]
