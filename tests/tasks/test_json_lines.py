"""Lines of JSON: what is read, and where damage is said to be."""

from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.tasks.json_lines import parse_lines

PATH, EXAMPLE = Path("rows.jsonl"), '{"text": ...}'


def test_each_object_has_the_number_of_its_line() -> None:
    assert parse_lines(PATH, '{"a": 1}\n\n{"b": 2}\n', EXAMPLE) == [(1, {"a": 1}), (3, {"b": 2})]


def test_an_array_is_read_as_well() -> None:
    assert parse_lines(PATH, '[{"a": 1},\n {"b": 2}]', EXAMPLE) == [(1, {"a": 1}), (2, {"b": 2})]


def test_a_line_separator_of_unicode_inside_a_text_ends_no_line() -> None:
    assert parse_lines(PATH, '{"a": "one\u2028two"}', EXAMPLE) == [(1, {"a": "one\u2028two"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [('{"a": 1}\n{"b"', "line 2"), ('[{"a": 1},\n{"b"]', "line 2"), ('{"a": 1}\n3', "line 2: a int, not an object")],
)
def test_damage_is_named_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(LissomError, match=expected):
        parse_lines(PATH, text, EXAMPLE)


@pytest.mark.parametrize("text", ['{"a": "\\ud83d\\ude00"}\n{"a": ["\\uD83D"]}', '[{"a": 1}, {"\\udcff": "b"}]'])
def test_half_of_a_letter_is_named_with_its_line(text: str) -> None:
    with pytest.raises(LissomError, match=r"rows\.jsonl, line 2 holds half of a letter, \\ud"):
        parse_lines(PATH, text, EXAMPLE)


def test_a_path_may_have_bytes_that_are_no_letter() -> None:
    text = '{"file": "\\udcff.wav", "text": "\\ud83d\\ude00"}'
    assert parse_lines(PATH, text, EXAMPLE, paths=("file",)) == [(1, {"file": "\udcff.wav", "text": "\U0001f600"})]
