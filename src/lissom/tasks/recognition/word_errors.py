"""The score of a transcript: 100 less the word error rate in percent, on words without case and signs."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lissom.core.errors import MissingExtraError

Normaliser = Callable[[str], str]
_NO_WORD = re.compile(r"[^\w\s']")
_QUOTED = re.compile(r"(?<!\w)'|'(?!\w)")
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
    text = _QUOTED.sub(" ", _NO_WORD.sub(" ", text))
    return " ".join(_FIGURES.get(word, word) for word in text.split())


def english_normaliser() -> Normaliser:
    """That of Whisper's authors (Radford et al. 2022, appendix C) where transformers has it, else the plain one."""
    try:
        from transformers.models.whisper.english_normalizer import EnglishTextNormalizer
    except ImportError:
        return plain
    return EnglishTextNormalizer({})


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
