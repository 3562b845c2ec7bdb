"""The score of a transcript: 100 less the word error rate in percent, on words without case and signs."""

import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lissom.core.errors import LissomError, MissingExtraError

Normaliser = Callable[[str], str]
_WORD = ("L", "M", "N")  # categories of what words are made of: letters, the marks on them, figures
_UNSEEN = "Cf"  # of what joins or parts letters within a word
_SPELLINGS = "normalizer.json"  # British spellings and the American ones, in the folder of a Whisper
_INSTALLED = ("whisper", "whisper_normalizer")  # packages that have them too
_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FIGURES = {str(number): name for number, name in enumerate(_NAMES)}


@dataclass(frozen=True)
class WordErrors:
    """What was heard otherwise, in words: ``substituted``, ``left_out``, ``added``, of ``words`` that were said."""

    substituted: int
    left_out: int
    added: int
    words: int

    @property
    def rate(self) -> float:
        """In percent; over 100 where more was added than said."""
        return 100 * (self.substituted + self.left_out + self.added) / self.words if self.words else 0.0

    @property
    def score(self) -> float:
        """The higher the better: 100 less the rate, and 0 at least."""
        return max(0.0, 100 - self.rate)


def plain(text: str) -> str:
    """Words alone: no case, no signs but the apostrophe in a word, figures up to nine as words, single spaces."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    words = (word.strip("'") for word in "".join(map(_plain, text)).split())
    return " ".join(_FIGURES.get(word, word) for word in words if word)


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if letter == "'" or category[0] in _WORD:
        return letter
    return "" if category == _UNSEEN else " "


def english_normaliser(spellings: dict[str, str] | None = None) -> Normaliser:
    """That of Whisper's authors (Radford et al. 2022, appendix C) where transformers has it, else the plain one.

    Args:
        spellings: American ones by British ones, as :func:`english_spellings` finds them; without them each spelling
            is a word of its own.
    """
    try:
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer
    except ImportError:
        return plain
    return EnglishTextNormalizer(spellings or {})


def english_spellings(folder: Path) -> dict[str, str] | None:
    """American spellings by British ones: of a model's folder, else of an installed package, which transformers is
    not; ``None`` where nobody has them.

    Raises:
        LissomError: the file is damaged.
    """
    specs = filter(None, map(find_spec, _INSTALLED))
    packages = (Path(place) for spec in specs for place in spec.submodule_search_locations or ())
    places = [folder / _SPELLINGS, *(package / "normalizers" / "english.json" for package in packages)]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        return None
    try:
        return {str(one): str(other) for one, other in json.loads(path.read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError) as error:
        raise LissomError(f"{path} is damaged: {error}", hint="copy it again") from error


def count_errors(said: Sequence[str], heard: Sequence[str], normalise: Normaliser = plain) -> WordErrors:
    """Compare transcripts with what was heard, by the fewest changes of words (Levenshtein 1966).

    Args:
        said: the transcripts.
        heard: what a model made of each.
        normalise: is applied to both. Where nothing was said, each word that was heard is one added.

    Raises:
        MissingExtraError: jiwer is not installed.
    """
    try:
        import jiwer
    except ModuleNotFoundError as error:
        raise MissingExtraError("jiwer", "speech", "the word error rate") from error
    pairs = [(normalise(one), normalise(other)) for one, other in zip(said, heard, strict=True)]
    added = sum(len(other.split()) for one, other in pairs if not one.split())
    real = [pair for pair in pairs if pair[0].split()]
    if not real:
        return WordErrors(0, 0, added, 0)
    found = jiwer.process_words([one for one, _ in real], [other for _, other in real])
    words = found.hits + found.substitutions + found.deletions
    return WordErrors(found.substitutions, found.deletions, found.insertions + added, words)
