"""Word errors on hand-made transcripts."""

import json
import unicodedata
from pathlib import Path

import pytest

pytest.importorskip("jiwer")

from lissom.core.errors import LissomError
from lissom.tasks.recognition.word_errors import WordErrors, count_errors, english_normaliser, english_spellings, plain


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
        ("snake_case, 'tis rock 'n' roll", "snake case tis rock n roll"),
        ("हिन्दी, में!", "हिन्दी में"),  # signs of vowels are marks, which are in the words
        ("كِتَابٌ", "كِتَابٌ"),
        ("ภาษาไทยที่", unicodedata.normalize("NFKC", "ภาษาไทยที่")),
        ("தமிழ்", "தமிழ்"),
        ("\u0645\u06cc\u200c\u0631\u0648\u0645", "\u0645\u06cc\u0631\u0648\u0645"),  # what joins is unseen
    ],
)
def test_plain_words(text: str, words: str) -> None:
    assert plain(text) == words


def test_the_authors_normaliser_reads_figures_and_short_forms() -> None:
    pytest.importorskip("transformers")
    normalise = english_normaliser()
    assert normalise("I'm twenty one, Mr. Smith.") == normalise("i am 21 mister smith")


def test_british_spellings_are_american_ones_where_a_table_says_so(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "normalizer.json").write_text(json.dumps({"colour": "color"}), encoding="utf-8")
    normalise = english_normaliser(english_spellings(tmp_path))
    assert count_errors(["The colour."], ["the color"], normalise).rate == 0
    assert count_errors(["The colour."], ["the color"], english_normaliser()).rate == 50
    (tmp_path / "normalizer.json").write_text("[", encoding="utf-8")
    with pytest.raises(LissomError, match=r"normalizer\.json is damaged"):
        english_spellings(tmp_path)


def test_the_table_of_an_installed_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "whisper_normalizer"
    (package / "normalizers").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('it is not run')", encoding="utf-8")
    (package / "normalizers" / "english.json").write_text('{"centre": "center"}', encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = english_spellings(tmp_path)
    assert found is not None and found["centre"] == "center"
