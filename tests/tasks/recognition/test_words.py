"""Tokenizers of models that listen: nothing is cut, and one that spells learns the letters that it knows."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from tokenizers import Tokenizer

from lissom.tasks.recognition.words import read_words
from lissom.testing.tiny_recognition import write_tokenizer


def write_letters(folder: Path, letters: str) -> Path:
    known = ["<pad>", "<s>", "</s>", "<unk>", "|", *letters]
    (folder / "vocab.json").write_text(json.dumps({word: place for place, word in enumerate(known)}), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("letters", "text", "spelled", "lacking"),
    [
        ("abcdefghijklmnopqrstuvwxyz", "All is well.", "all is well", "."),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ'", "It\u2019s 7 -- well-known!", "IT'S WELL KNOWN", "7!"),
        ("abcABC", "abC", "abC", ""),
        ("абвгдежзийклмнопрстуфхцчшщъыьэюя", "Жди,\nЯ", "жди я", ","),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "Straße", "STRASSE", ""),
        ("aé", "ae\u0301", "aé", ""),
        ("東京", "東京 都", "東京", "都"),
    ],
)
def test_letters_are_learnt_as_the_vocabulary_has_them(
    letters: str, text: str, spelled: str, lacking: str, tmp_path: Path
) -> None:
    words = read_words(write_letters(tmp_path, letters), spaced=False, most=50, spells=True)
    tokens = words.tokens(text)
    assert words(tokens) == spelled and 3 not in tokens and words.lacking(text) == lacking


def test_a_vocabulary_of_letters_is_known_as_a_tokenizer_too(tmp_path: Path) -> None:
    letters = read_words(write_letters(tmp_path, "abc"), spaced=False, most=50, spells=True)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "tokenizer.json").write_text(letters.text, encoding="utf-8")
    again = read_words(tmp_path / "letters", spaced=False, most=50, spells=True)
    assert again.spells and again.tokens("A cab!") == letters.tokens("A cab!") and again.lacking("A cab!") == "!"
    write_tokenizer(tmp_path)  # two letters in each token: what it lacks is not told letter by letter
    words = read_words(tmp_path, spaced=True, most=60, spells=True)
    assert not words.spells and words.tokens("b1 c2") == [1, 2]


def test_a_tokenizer_that_cuts_and_fills_up_does_neither(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    made = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    made.enable_truncation(2)
    made.enable_padding(length=8)
    made.save(str(tmp_path / "tokenizer.json"))
    words = read_words(tmp_path, spaced=True, most=60)
    assert words.tokens("a0 b1 c2 d3") == [0, 1, 2, 3] and words.lacking("ü") == ""
