"""From texts to tokens and back, with the tokenizer of a model that listens."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, MissingExtraError

TOKENIZER, LETTERS = "tokenizer.json", "vocab.json"
BETWEEN = "|"  # words, in the vocabulary of a model that spells
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "[PAD]", "[UNK]")


@dataclass(frozen=True)
class Words:
    """A tokenizer, by the text of its ``tokenizer.json``.

    Args:
        text: of the file.
        spaced: a text is said with a space before its first word, as Whisper does.
        spells: the model says letters, and learns no others than those that it knows.
    """

    text: str
    spaced: bool = True
    spells: bool = False

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        made = Tokenizer.from_str(self.text)
        made.no_truncation()
        made.no_padding()
        return made

    @cached_property
    def _letters(self) -> frozenset[str]:
        known = self._tokenizer.get_vocab(with_added_tokens=False)
        return frozenset([" ", *(letter for letter in known if len(letter) == 1 and letter != BETWEEN)])

    @property
    def count(self) -> int:
        """How many tokens there are."""
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    @property
    def lettered(self) -> bool:
        """Whether each token is a letter, or a name between brackets."""
        known = self._tokenizer.get_vocab(with_added_tokens=False)
        return all(len(token) == 1 or token[0] in "<[" for token in known)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, none for an empty one."""
        text = " ".join("".join(map(self._form, _composed(text))).split()) if self.spells else text.strip()
        return self._tokenizer.encode(f" {text}" if self.spaced else text, add_special_tokens=False).ids if text else []

    def lacking(self, text: str) -> str:
        """The letters of a text that a model which spells does not know; they are left out of its tokens."""
        return "".join(letter for letter in _composed(text) if not self._form(letter)) if self.spells else ""

    def _form(self, letter: str) -> str:
        """A letter as the model knows it: as it is, in the other case, a dash as a space; nothing where it does not."""
        forms = [letter, letter.upper(), letter.lower()]
        if letter == "\u2019":
            forms.append("'")
        elif unicodedata.category(letter) == "Pd":
            forms.append(" ")
        return next((form for form in forms if self._letters.issuperset(form)), "")

    def __call__(self, tokens: Sequence[int]) -> str:
        """What tokens say."""
        return self._tokenizer.decode(list(tokens)).strip()


def _composed(text: str) -> str:
    """A text with each letter and its marks as one, and spaces alone between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def read_words(place: Path, *, spaced: bool, most: int, spells: bool = False) -> Words:
    """The tokenizer in a folder or a file.

    Args:
        place: a ``tokenizer.json``, or a folder with one.
        spaced: see :class:`Words`.
        most: tokens that the model knows.
        spells: see :class:`Words`.

    Raises:
        LissomError: there is none, it is damaged, or has more tokens than the model.
        MissingExtraError: the package tokenizers is not installed.
    """
    path = place / TOKENIZER if place.is_dir() else place
    if not path.is_file() and (place / LETTERS).is_file():
        return _spelled(place / LETTERS, most)
    if not path.is_file():
        raise LissomError(
            f"there is no {path}", hint="--tokenizer names a folder with a tokenizer.json, or the file itself"
        )
    try:
        import tokenizers  # noqa: F401, asked for before the slow part
    except ModuleNotFoundError as error:
        raise MissingExtraError("tokenizers", "text", "the task recognition") from error
    try:
        words = Words(path.read_text(encoding="utf-8"), spaced, spells)
        count, words = words.count, replace(words, spells=spells and words.lettered)
    except Exception as error:  # the library raises plain exceptions
        raise LissomError(f"the tokenizer {path} cannot be read: {error}", hint="copy it again") from error
    if count > most:
        raise LissomError(
            f"the tokenizer {path} has {count} tokens, the model knows {most}", hint="it belongs to another model"
        )
    return words


def _spelled(path: Path, most: int) -> Words:
    """The tokenizer of a model that spells, such as Wav2Vec2: a number for each letter, and one between words."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    try:
        letters = {str(letter): int(number) for letter, number in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error
    special = [letter for letter in SPECIAL if letter in letters]
    unknown = next((letter for letter in special if "unk" in letter.lower()), None)
    if BETWEEN not in letters or unknown is None or max(letters.values()) >= most:
        raise LissomError(
            f"{path} is not the vocabulary of this model: it needs {BETWEEN!r}, <unk>, and at most {most} letters",
            hint="copy it from the model's folder",
        )
    made = Tokenizer(models.WordLevel(letters, unk_token=unknown))
    made.normalizer = normalizers.Replace(" ", BETWEEN)
    made.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    made.decoder = decoders.Sequence([decoders.Replace(BETWEEN, " "), decoders.Fuse()])
    made.add_special_tokens(special)
    return Words(made.to_str(), spaced=False, spells=True)
