"""BLEU and chrF as sacrebleu counts them, as sums over sentences, so that sentences can be drawn again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from lissom.core.errors import LissomError, MissingExtraError
from lissom.workload.workload import Grades

METRICS = ("bleu", "chrf")
_HAN = (("\u4e00", "\u9fff"),)
_UNSPACED = (  # other scripts that put no spaces between words: kana, Thai and Lao, Burmese, Khmer
    ("\u3040", "\u30ff"), ("\u0e00", "\u0eff"), ("\u1000", "\u109f"), ("\u1780", "\u17ff"),
)  # fmt: skip
_SOME = 0.1  # of all letters, from which on a text is in one of these
_ORDER = 4


@dataclass(frozen=True)
class Bleu:
    """BLEU (Papineni et al. 2002), by sacrebleu (Post 2018).

    Args:
        tokenize: how sacrebleu cuts words: ``13a``, ``zh``, ``char``, ...
    """

    tokenize: str = "13a"
    least: float = 1.0

    @property
    def signature(self) -> str:
        """What was counted, as sacrebleu writes it."""
        return _signature(_metrics().BLEU(tokenize=self.tokenize))  # sums are scored as a corpus is

    @cached_property
    def _counter(self) -> Any:
        return _metrics().BLEU(tokenize=self.tokenize, effective_order=True)

    def grade(self, answers: Sequence[str], references: Sequence[str]) -> Grades:
        """Of each sentence the n-grams that are right, those there are, and both lengths: ``(sentences, 10)``."""
        rows: list[list[float]] = []
        for answer, reference in zip(answers, references, strict=True):
            found = self._counter.sentence_score(answer, [reference])
            rows.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
        return np.asarray(rows, dtype=np.float64).reshape(-1, 2 * _ORDER + 2)

    def score(self, grades: Grades) -> float:
        """Corpus BLEU, 0 to 100."""
        sums = [int(value) for value in grades.sum(axis=0)]
        counts, totals = sums[:_ORDER], sums[_ORDER : 2 * _ORDER]
        return float(self._counter.compute_bleu(counts, totals, sums[-2], sums[-1], smooth_method="exp").score)


@dataclass(frozen=True)
class ChrF:
    """chrF2 (Popović 2015), by sacrebleu: n-grams of up to six letters, recall counted twice."""

    least: float = 5.0

    @property
    def signature(self) -> str:
        """What was counted, as sacrebleu writes it."""
        return _signature(self._counter)

    @cached_property
    def _counter(self) -> Any:
        return _metrics().CHRF()

    def grade(self, answers: Sequence[str], references: Sequence[str]) -> Grades:
        """Of each sentence the n-grams of each length: said, wanted and right, ``(sentences, 18)``."""
        counter = self._counter
        rows = [
            counter._compute_segment_statistics(answer, counter._extract_reference_info([reference]))
            for answer, reference in zip(answers, references, strict=True)
        ]
        return np.asarray(rows, dtype=np.float64).reshape(-1, 3 * counter.order)

    def score(self, grades: Grades) -> float:
        """Corpus chrF, 0 to 100."""
        return float(self._counter._compute_f_score([int(value) for value in grades.sum(axis=0)]))


def measure_of(metric: str | None, references: Sequence[str]) -> Bleu | ChrF:
    """The measure of that name, for translations like ``references``: Chinese is cut as Chinese is, scripts without
    spaces by letters.

    Raises:
        LissomError: there is none of that name.
        MissingExtraError: sacrebleu is not installed.
    """
    if metric not in (None, *METRICS):
        raise LissomError(f"unknown metric {metric!r}", hint=f"known: {', '.join(METRICS)}")
    _metrics()
    if metric == "chrf":
        return ChrF()
    if _share(references, _UNSPACED) > _SOME:
        return Bleu("char")
    return Bleu("zh" if _share(references, _HAN) > _SOME else "13a")


def _signature(counter: Any) -> str:
    counter.corpus_score(["a"], [["a"]])  # it knows the number of references from then on
    return str(counter.get_signature())


def _share(references: Sequence[str], scripts: Sequence[tuple[str, str]]) -> float:
    letters = [letter for text in references for letter in text if letter.isalpha()]
    return sum(first <= letter <= last for letter in letters for first, last in scripts) / max(1, len(letters))


def _metrics() -> Any:
    if find_spec("sacrebleu") is None:
        raise MissingExtraError("sacrebleu", "translation", "scores of translations")
    return import_module("sacrebleu.metrics")
