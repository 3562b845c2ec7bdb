"""Which words are likely for a sentence: probabilities of words by word, counted in sentence pairs with numpy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lissom.tasks.translation.split import PairSplit  # which needs tokenizers

Numbers = npt.NDArray[np.int64]
MOST = 8_000_000  # tokens of both sides that stand side by side: each takes about 70 bytes
_ROUNDS = 5


@dataclass(frozen=True)
class Lexicon:
    """How likely an answer's token is for a token of the source, for all that were seen together.

    Args:
        sources: tokens of the source, in order, ``(pairs,)``.
        targets: tokens of the answer, ``(pairs,)``.
        probabilities: of the target, given the source, ``(pairs,)``; those of a source sum to one.
    """

    sources: Numbers
    targets: Numbers
    probabilities: npt.NDArray[np.float64]

    def likeliest(self, count: int) -> list[Numbers]:
        """The ``count`` likeliest targets of each source from 0 to the last that was seen, by their numbers."""
        order = np.lexsort((self.targets, -self.probabilities, self.sources))
        targets, places = self.targets[order], np.arange(self.sources.max() + 2)
        starts = np.searchsorted(self.sources[order], places).tolist()
        return [np.sort(targets[first : min(first + count, end)]) for first, end in pairwise(starts)]


def learn_lexicon(sources: Sequence[Numbers], answers: Sequence[Sequence[int]], *, most: int = MOST) -> Lexicon:
    """Model 1 of Brown et al., 1993, "The mathematics of statistical machine translation", section 4.1.

    The token that ends each source stands for the paper's empty word.

    Args:
        sources: tokens of each sentence.
        answers: tokens of its translation.
        most: of all sentences so many are counted, evenly, that at most so many tokens stand side by side.
    """
    costs = np.asarray([len(source) * len(answer) for source, answer in zip(sources, answers, strict=True)])
    counted = np.flatnonzero(costs)
    assert len(counted), "a lexicon is learnt from sentences"
    if (spare := float(costs.sum()) / most) > 1:
        counted = counted[np.arange(0, len(counted), spare).astype(np.int64)]
    rows: list[int] = counted.tolist()
    said = [np.asarray(answers[row], dtype=np.int64) for row in rows]
    words = max(int(answer.max()) for answer in said) + 1
    together = [sources[row] * words + answer[:, None] for row, answer in zip(rows, said, strict=True)]
    lengths = np.concatenate([np.full(len(block), block.shape[1]) for block in together])
    return _learnt(np.concatenate([block.ravel() for block in together]), lengths, words)


def _learnt(together: Numbers, lengths: Numbers, words: int) -> Lexicon:
    """Expectation and maximisation.

    Args:
        together: tokens side by side as source times ``words`` plus answer, those of a token of an answer in a row.
        lengths: how many belong to each token of an answer.
        words: more than any token of an answer.
    """
    kinds, kind = np.unique(together, return_inverse=True)
    kind = kind.astype(np.int32)
    source, firsts = kinds // words, np.cumsum(lengths) - lengths
    probabilities = np.ones(len(kinds))
    for _ in range(_ROUNDS):
        shares = probabilities[kind]
        shares /= np.repeat(np.add.reduceat(shares, firsts), lengths)
        counts = np.bincount(kind, shares, len(kinds))
        probabilities = counts / np.bincount(source, counts)[source]
    return Lexicon(source, kinds % words, probabilities)


@dataclass(frozen=True)
class WordLists:
    """The words that a translation may be made of.

    Args:
        always: tokens that may be said to any sentence, in order.
        likely: tokens that may be said to one with this token in it, by its number.
        copied: whether the tokens of a sentence may be said too, as both languages have one vocabulary.
    """

    always: Numbers
    likely: Sequence[Numbers]
    copied: bool

    def words(self, source: Numbers) -> Numbers:
        """The tokens that may be said to a sentence, in order."""
        known = [self.likely[token] for token in source if token < len(self.likely)]
        return np.unique(np.concatenate([self.always, *known, *([source] if self.copied else [])]))


def word_lists(split: "PairSplit", *, first: int, best: int, opening: Sequence[int] = (), copied: bool) -> WordLists:
    """The words that are likely for each word of the source, by what stands in a split.

    Args:
        split: of pairs to learn from.
        first: so many of the most frequent tokens may be said to any sentence, the end beside them.
        best: so many of the likeliest tokens for each token of the source.
        opening: tokens that every translation begins with.
        copied: whether both languages have one vocabulary.
    """
    said = np.concatenate([np.asarray(answer, dtype=np.int64) for answer in split.answers])
    tokens, times = np.unique(said[~np.isin(said, split.rules.suppressed)], return_counts=True)
    frequent = tokens[np.argsort(-times, kind="stable")[:first]]
    always = np.unique(np.concatenate([frequent, [split.rules.end, *opening]])).astype(np.int64)
    return WordLists(always, learn_lexicon(split.sources, split.answers).likeliest(best), copied)


def coverage(lists: WordLists, split: "PairSplit", most: int = 1000) -> tuple[float, float]:
    """How much of a split's translations the lists of their sentences hold, from 0 to 1, and the mean length of these.

    Args:
        lists: to be judged.
        split: of pairs.
        most: so many pairs are looked at, evenly out of all.
    """
    rows = np.unique(np.linspace(0, len(split) - 1, min(most, len(split))).astype(np.int64))
    chosen = [lists.words(split.sources[row]) for row in rows]
    held = [np.isin(split.answers[row], words) for row, words in zip(rows, chosen, strict=True)]
    return float(np.concatenate(held).mean()), float(np.mean([len(words) for words in chosen]))
