"""Word errors on hand-made transcripts."""

import pytest

pytest.importorskip("jiwer")

from lissom.tasks.recognition.word_errors import WordErrors, count_errors, english_normaliser, plain


def test_errors_are_counted_by_hand() -> None:
    said = ["The cat sat on the mat.", "Press 5 now!", ""]
    heard = ["the cat sat on mat", "press five now please", "you"]
    found = count_errors(said, heard)
    assert found == WordErrors(substituted=0, left_out=1, added=2, words=9)
    assert found.rate == pytest.approx(100 * 3 / 9) and found.score == pytest.approx(100 - 100 * 3 / 9)


def test_nothing_said_and_nothing_heard_is_no_error() -> None:
    assert count_errors([""], [""]).rate == 0
    assert count_errors(["one two"], [""]) == WordErrors(0, 2, 0, 2)
    assert count_errors(["a"], ["b c d"]).score == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don\u2019t  'stop' -- it!", "don't stop it"),
        ("7 o'clock", "seven o'clock"),
        ("0 01 12 345", "zero 01 12 345"),
        ("...", ""),
    ],
)
def test_plain_words(text: str, words: str) -> None:
    assert plain(text) == words


def test_the_authors_normaliser_reads_figures_and_short_forms() -> None:
    pytest.importorskip("transformers")
    normalise = english_normaliser()
    assert normalise("I'm twenty one, Mr. Smith.") == normalise("i am 21 mister smith")
