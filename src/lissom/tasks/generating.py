"""Text out of an encoder-decoder, token by token: greedy and beam search with numpy alone, as transformers does it.

A bundle carries this file as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FAR = np.float32(-1.0e9)  # a score that nothing that can be said has
NOTHING = -1  # behind the last token of an answer
Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rules:
    """How text begins, what it may hold and when it ends.

    Args:
        prompt: tokens that every answer begins with, those that are forced among them.
        end: the token that ends it.
        longest: tokens of an answer at most, those of the prompt and the end among them.
        suppressed: tokens that are never said.
        suppressed_first: tokens that are not said first.
        forced_end: the last token that fits is the end, whatever the scores.
        length_penalty: the power of the length by which a beam's score is divided (Wu et al. 2016, section 7).
        counted: tokens of the prompt that belong to that length, as those do that were forced behind the first.
        shortest: tokens before which the end is not said, those of the prompt among them.
        renormalised: what is left to be said is worth 1 together again, where something may not be said.
        early: an answer is the best of the first texts that came to their end, as many as there are beams.
    """

    prompt: tuple[int, ...]
    end: int
    longest: int
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    forced_end: bool = False
    length_penalty: float = 1.0
    counted: int = 0
    shortest: int = 0
    renormalised: bool = False
    early: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Rules":
        """The inverse of :meth:`to_json`."""
        lists = {name: tuple(data[name]) for name in ("prompt", "suppressed", "suppressed_first")}
        return Rules(**{**data, **lists})

    def allowed(self, scores: Floats, length: int) -> Floats:
        """Scores ``(rows, words)`` of the token at ``length``, with what may not be said at minus infinity."""
        scores = scores.copy()
        first = self.suppressed_first if length == len(self.prompt) else ()
        last = (self.end,) if length < self.shortest else ()
        banned = _places(self.suppressed + first + last)
        if len(banned):
            scores[:, banned] = -np.inf
        if self.forced_end and length == self.longest - 1:
            scores[:] = -np.inf
            scores[:, self.end] = 0.0
        return scores

    def worth(self, scores: Floats, length: int) -> Floats:
        """Logarithms of the probabilities of the token at ``length``, out of scores ``(rows, words)``."""
        allowed = self.allowed(log_shares(scores), length)
        return log_shares(allowed) if self.renormalised else allowed

    def weighed(self, sums: Floats, length: int) -> Floats:
        """What beams of so many tokens are worth, out of the sums of their logarithms."""
        said = length - len(self.prompt) + self.counted
        return sums / np.float32(said**self.length_penalty)


@cache
def _places(tokens: tuple[int, ...]) -> Whole:
    """The same as an array: to make one at each token takes longer than what is done with it."""
    return np.asarray(tokens, dtype=np.int64)


class Decoder(Protocol):
    """A decoder in the middle of several texts, one in each row, with what it has said so far."""

    def next(self, tokens: Whole) -> Floats:
        """Take the tokens said last, ``(rows,)``, and give the scores of the next ones, ``(rows, words)``."""
        ...

    def keep(self, rows: Whole) -> None:
        """Go on with these rows, in this order; one may be there several times."""
        ...


def said(runner: Any, inputs: Sequence[npt.NDArray[Any]], handling: Mapping[str, Any]) -> Whole:
    """What an encoder-decoder says to a batch, by default one example after the other, as it would be asked.

    Args:
        runner: has ``start(sources, beams)``, which gives a :class:`Decoder`.
        inputs: each ``(batch, ...)``; the last are tokens that the decoder is fed in training, which are not looked at.
        handling: ``rules``, ``beams`` where there are more than one, and ``together`` where examples are asked at once.

    Returns:
        Tokens, without prompt and end, filled up with ``NOTHING``: ``(batch, longest)``.
    """
    rules, beams = Rules.from_json(handling["rules"]), int(handling.get("beams", 1))
    answers: Whole = np.full((len(inputs[0]), rules.longest), NOTHING, dtype=np.int64)
    together = max(1, len(answers)) if handling.get("together") else 1
    for place in range(0, len(answers), together):
        sources = [array[place : place + together] for array in inputs[:-1]]
        decoder, count = runner.start(sources, beams), len(sources[0])
        found = greedy(decoder, count, rules) if beams == 1 else beam_search(decoder, count, rules, beams)
        for row, tokens in enumerate(found, start=place):
            answers[row, : len(tokens)] = tokens
    return answers


def spoken(answers: Whole) -> list[list[int]]:
    """The tokens of each answer that :func:`said` gave, without what fills them up."""
    return [row[row != NOTHING].tolist() for row in answers]


def greedy(decoder: Decoder, count: int, rules: Rules) -> list[list[int]]:
    """The likeliest token after each token.

    Args:
        decoder: at its start, with one row for each text.
        count: of texts.
        rules: what may be said.

    Returns:
        The tokens of each text, without prompt and end.
    """
    scores = _prompted(decoder, count, rules)
    said: list[list[int]] = [[] for _ in range(count)]
    rows = np.arange(count)
    for length in range(len(rules.prompt), rules.longest):
        tokens = rules.allowed(scores, length).argmax(axis=1)
        for row, token in zip(rows, tokens, strict=True):
            said[row].append(int(token))
        going = np.flatnonzero(tokens != rules.end)
        if not len(going) or length + 1 == rules.longest:
            break
        if len(going) < len(rows):
            decoder.keep(going)
            rows, tokens = rows[going], tokens[going]
        scores = decoder.next(tokens)
    return [_without_end(tokens, rules) for tokens in said]


def beam_search(decoder: Decoder, count: int, rules: Rules, beams: int) -> list[list[int]]:
    """The likeliest text of those that ``beams`` beams find, scores divided by the length.

    Args:
        decoder: at its start, with ``beams`` rows in turn for each text.
        count: of texts.
        rules: what may be said.
        beams: alternatives that are followed at a time.

    Returns:
        The tokens of each text, without prompt and end.
    """
    search = _Beams(count, beams, rules)
    scores = _prompted(decoder, count * beams, rules)
    while True:
        search.advance(rules.worth(scores, search.length))
        if search.over:
            return search.best()
        decoder.keep(search.rows)
        scores = decoder.next(search.tokens)


def _prompted(decoder: Decoder, rows: int, rules: Rules) -> Floats:
    assert rules.prompt, "an answer begins with at least one token"
    scores = np.zeros((0, 0), dtype=np.float32)
    for token in rules.prompt:
        scores = decoder.next(np.full(rows, token, dtype=np.int64))
    return scores


def _without_end(tokens: Sequence[int], rules: Rules) -> list[int]:
    found = [int(token) for token in tokens]
    return found[: found.index(rules.end)] if rules.end in found else found


def log_shares(scores: Floats) -> Floats:
    """Logarithms of probabilities out of scores ``(rows, words)``."""
    above = scores - scores.max(axis=1, keepdims=True)
    return (above - np.log(np.exp(above).sum(axis=1, keepdims=True))).astype(np.float32)


class _Beams:
    """Running texts and finished ones, ``(texts, beams)`` of each; ``rows`` and ``tokens`` are what comes next.

    After ``_beam_search`` of ``transformers/generation/utils.py``, with ``early_stopping`` false or true.
    """

    def __init__(self, count: int, beams: int, rules: Rules) -> None:
        self.rules, self.beams = rules, beams
        self.length = len(rules.prompt)
        self.running: Whole = np.full((count, beams, rules.longest), rules.end, dtype=np.int64)
        self.running[:, :, : self.length] = rules.prompt
        self.scores: Floats = np.full((count, beams), FAR)
        self.scores[:, 0] = 0.0  # the beams are alike at first, so only one of them counts
        self.done = self.running.copy()
        self.done_scores: Floats = np.full((count, beams), FAR)
        self.finished = np.zeros((count, beams), dtype=np.bool_)
        self.improvable = np.ones((count, 1), dtype=np.bool_)
        self.over = False
        self.rows: Whole = np.arange(count * beams)
        self.tokens: Whole = self.rows

    def advance(self, log_probabilities: Floats) -> None:
        """Say one more token, given what each is worth, ``(texts x beams, words)``."""
        count, beams, words = len(self.scores), self.beams, log_probabilities.shape[1]
        sums = log_probabilities.reshape(count, beams, words) + self.scores[:, :, None]
        sums = sums.reshape(count, -1)
        # twice as many as go on: as many as there are beams may come to their end
        places = _best(sums, 2 * beams)
        values = np.take_along_axis(sums, places, axis=1)
        texts = np.take_along_axis(self.running, (places // words)[:, :, None], axis=1)
        texts[:, :, self.length] = places % words
        ending = (texts[:, :, self.length] == self.rules.end) | (self.length + 1 >= self.rules.longest)
        self._finish(texts, values, ending)
        self._go_on(texts, values, ending, places // words)
        self.length += 1
        reachable = self.rules.weighed(self.scores[:, :1], self.length)
        worst = np.where(self.finished, self.done_scores.min(axis=1, keepdims=True), FAR)
        self.improvable &= (reachable > worst).any(axis=1, keepdims=True)
        self.over = bool(self._full().all()) or not self.improvable.any() or bool(ending.all())

    def _finish(self, texts: Whole, values: Floats, ending: npt.NDArray[np.bool_]) -> None:
        first = ending.copy()
        first[:, self.beams :] = False
        values = self.rules.weighed(values, self.length + 1)
        values = values + np.where(self.improvable & ~self._full(), 0, FAR) + np.where(first, 0, FAR)
        merged = np.concatenate([self.done_scores, values.astype(np.float32)], axis=1)
        places = _best(merged, self.beams)
        self.done_scores = np.take_along_axis(merged, places, axis=1)
        self.done = np.take_along_axis(np.concatenate([self.done, texts], axis=1), places[:, :, None], axis=1)
        self.finished = np.take_along_axis(np.concatenate([self.finished, first], axis=1), places, axis=1)

    def _full(self) -> npt.NDArray[np.bool_]:
        """Which texts get no further answer, ``(texts, 1)``."""
        return np.logical_and(self.finished.all(axis=1, keepdims=True), np.full((1, 1), self.rules.early))

    def _go_on(self, texts: Whole, values: Floats, ending: npt.NDArray[np.bool_], parents: Whole) -> None:
        values = values + np.where(ending, FAR, np.float32(0))
        places = _best(values, self.beams)
        self.scores = np.take_along_axis(values, places, axis=1)
        self.running = np.take_along_axis(texts, places[:, :, None], axis=1)
        chosen = np.take_along_axis(parents, places, axis=1)
        self.rows = (chosen + np.arange(len(chosen))[:, None] * self.beams).reshape(-1)
        self.tokens = self.running[:, :, self.length].reshape(-1)

    def best(self) -> list[list[int]]:
        """The tokens of the best finished text of each."""
        return [_without_end(text[0, len(self.rules.prompt) :].tolist(), self.rules) for text in self.done]


def _best(values: Floats, count: int) -> Whole:
    """Places of the highest values in each row, the highest first: ``(rows, count)``."""
    some = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
