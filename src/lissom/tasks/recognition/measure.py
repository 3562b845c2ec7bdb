"""What transcripts are worth: 100 less the word error rate of all of them together."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lissom.tasks.recognition.word_errors import Normaliser, count_errors, plain
from lissom.workload.workload import Grades

SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")  # scripts without spaces between words
_SOME = 0.1  # of all letters, from which on a text is in one of these


@dataclass(frozen=True)
class Transcripts:
    """Words that were heard otherwise, of those that were said.

    Args:
        normalise: is applied to what was said and to what was heard.
        letters: count letters, not words, for scripts that have no spaces.
    """

    normalise: Normaliser = plain
    letters: bool = False
    least: float = 10.0

    def grade(self, answers: Sequence[str], references: Sequence[str]) -> Grades:
        """Errors and words of each, ``(examples, 2)``."""
        rows = [count_errors([said], [heard], self._parted) for said, heard in zip(references, answers, strict=True)]
        counts = [(row.substituted + row.left_out + row.added, row.words) for row in rows]
        return np.asarray(counts, dtype=np.float64).reshape(-1, 2)

    def _parted(self, text: str) -> str:
        words = self.normalise(text)
        return " ".join(words.replace(" ", "")) if self.letters else words

    def score(self, grades: Grades) -> float:
        """100 less the errors in percent of the words, and 0 at least."""
        errors, words = (float(value) for value in grades.sum(axis=0))
        return max(0.0, 100 - 100 * errors / words) if words else (0.0 if errors else 100.0)


def spaceless(texts: Sequence[str]) -> bool:
    """Whether texts are in scripts without spaces between words, alone or mixed, as Japanese mixes three."""
    letters = [letter for text in texts for letter in unicodedata.normalize("NFKC", text) if letter.isalpha()]
    count = sum(unicodedata.name(letter, "").startswith(SPACELESS) for letter in letters)
    return count > _SOME * len(letters)
