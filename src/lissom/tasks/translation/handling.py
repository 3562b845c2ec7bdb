"""What happens to a sentence before the model and to tokens after it: tokenizers and numpy only.

A bundle carries this file.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from lissom.core.errors import LissomError
from lissom.tasks.letters import script

SOURCE, TARGET = "source.json", "target.json"  # the tokenizers of both languages in a bundle
Numbers = npt.NDArray[np.int64]
_ENDS = re.compile(r"(?<=[.!?;:…])\s+|(?<=[\u3002\uff01\uff1f\uff1b])")  # those of Chinese have no space behind
_WORDS = re.compile(r"\s*\S+")
_UNSPACED = "\u3000-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff9f\U00020000-\U0003ffff"  # signs too
_QUOTES = "\"'\u2018-\u201f()\\[\\]"  # that stand around texts of any script
_UNSPACED_END, _UNSPACED_BEGIN = re.compile(f"[{_UNSPACED}][{_QUOTES}]*$"), re.compile(f"[{_QUOTES}]*[{_UNSPACED}]")
STRANGE = 0.5  # of a sentence's tokens or letters, from which on it is remarked that they are unknown
# pieces of several letters, and of any, that make a script known: so many, or such a share of all
_JOINED, _PIECES = (20, 0.01), (200, 0.1)


@dataclass(frozen=True)
class Wording:
    """How sentences become tokens.

    Args:
        length: the most tokens that the model reads at a time, the end among them.
        pad: the token that batches are filled up with.
        end: the token that ends a sentence.
        unknown: the token for what the vocabulary lacks, ``None`` where it lacks nothing.
        before: tokens before those of a sentence that is read.
        behind: tokens behind them; by default the end.
        opening: tokens that a translation begins with behind the prompt, as the model learnt it.
    """

    length: int
    pad: int
    end: int
    unknown: int | None = None
    before: tuple[int, ...] = ()
    behind: tuple[int, ...] = ()
    opening: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.behind:
            object.__setattr__(self, "behind", (self.end,))
        if self.length < 3 + len(self.before) + len(self.behind):
            raise LissomError(f"a length of {self.length} tokens leaves no room for a sentence", hint="give e.g. 128")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Wording":
        """The inverse of :meth:`to_json`."""
        lists = {name: tuple(data[name]) for name in ("before", "behind", "opening")}
        return Wording(**{**data, **lists})


class Words:
    """The vocabularies of both languages, set up for one model.

    Args:
        source: the text of the ``tokenizer.json`` of what is read.
        target: that of what is said; often the same.
        wording: lengths and numbers.
    """

    def __init__(self, source: str, target: str, wording: Wording) -> None:
        self.wording = wording
        self._source = _tokenizer(source)
        self._target = self._source if target == source else _tokenizer(target)
        self._scripts: dict[str, bool] = {}  # whether the vocabulary of the source has them

    def read(self, sentences: Sequence[str]) -> list[Numbers]:
        """The tokens of sentences of the source, with those around each that the model expects; none is cut."""
        before, behind = self.wording.before, self.wording.behind
        return [np.asarray([*before, *ids, *behind], dtype=np.int64) for ids in _numbers(self._source, sentences)]

    def answers(self, sentences: Sequence[str]) -> list[list[int]]:
        """The tokens of sentences of the target behind the prompt, without the end; none is cut."""
        return [[*self.wording.opening, *ids] for ids in _numbers(self._target, sentences)]

    def said(self, tokens: Sequence[int]) -> str:
        """The sentence that tokens of the target stand for."""
        return self._target.decode([int(token) for token in tokens]).strip()

    def parts(self, text: str) -> list[Numbers]:
        """A text of any length in parts that the model can read, as few as possible: cut behind sentences where it
        has to be, else between words.

        Raises:
            LissomError: the text is empty.
        """
        text = " ".join(text.split())
        if not text:
            raise LissomError("the text is empty")
        whole = self.read([text])[0]
        if len(whole) <= self.wording.length:
            return [whole]
        ends = [0, *(end.start() for end in _ENDS.finditer(text)), len(text)]
        pieces = [text[start:end] for start, end in itertools.pairwise(ends)]  # with the spaces before them
        units = [unit for piece in pieces for unit in self._fitting(piece)]
        return self.read(self._together(units))

    def strange(self, tokens: Numbers) -> bool:
        """Whether most of a sentence is not in the vocabulary, as in another script; an empty one is not strange."""
        inside = tokens[len(self.wording.before) : len(tokens) - len(self.wording.behind)]
        unknown = self.wording.unknown
        return unknown is not None and len(inside) > 0 and float((inside == unknown).mean()) > STRANGE

    def foreign(self, text: str) -> bool:
        """Whether most letters of a text are of scripts that the source's vocabulary spells out at best."""
        letters = [script(letter) for letter in text if letter.isalpha()]
        return sum(not self._has(name) for name in letters) > STRANGE * len(letters)

    def _has(self, name: str) -> bool:
        if name not in self._scripts:
            pieces = self._source.get_vocab()
            counts = [sum(script(letter) == name for letter in piece if letter.isalpha()) for piece in pieces]
            found = ((sum(count > 1 for count in counts), _JOINED), (sum(count > 0 for count in counts), _PIECES))
            self._scripts[name] = any(count >= min(most, share * len(pieces)) for count, (most, share) in found)
        return self._scripts[name]

    def _fitting(self, piece: str) -> list[str]:
        """A sentence, or its words where it is too long; parts of a word where that is."""
        if self._fits(piece):
            return [piece]
        return [part for word in _WORDS.findall(piece) for part in _halves(word, self._fits)]

    def _together(self, units: Sequence[str]) -> list[str]:
        """Units in turn, as many together as fit, as they stood in the text."""
        texts: list[str] = []
        for unit in units:
            if texts and self._fits(texts[-1] + unit):
                texts[-1] += unit
            else:
                texts.append(unit)
        return [text.strip() for text in texts if text.strip()]

    def _fits(self, text: str) -> bool:
        return len(self.read([text.strip()])[0]) <= self.wording.length


def _numbers(tokenizer: Tokenizer, sentences: Sequence[str]) -> list[list[int]]:
    return [item.ids for item in tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)]


def _halves(word: str, fits: Any) -> list[str]:
    if len(word) < 2 or fits(word):
        return [word]
    middle = len(word) // 2
    return [*_halves(word[:middle], fits), *_halves(word[middle:], fits)]


def _tokenizer(text: str) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises plain exceptions
        raise LissomError(f"the tokenizer cannot be read: {error}", hint="it is damaged: copy it again") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def joined(texts: Sequence[str]) -> str:
    """Texts one behind the other, with a space between; none where both sides are Chinese or Japanese, which have no
    spaces behind sentences either."""
    whole = ""
    for text in texts:
        space = " " if whole and text and not (_UNSPACED_END.search(whole) and _UNSPACED_BEGIN.match(text)) else ""
        whole = f"{whole}{space}{text}"
    return whole


def batch_of(rows: Sequence[Numbers], pad: int, length: int | None = None) -> tuple[Numbers, Numbers]:
    """Tokens and mask ``(rows, length)`` of a batch, filled up to the longest or to ``length``; the mask says where
    there is text."""
    counts = np.asarray([[len(row)] for row in rows])
    wide: Numbers = np.full((len(rows), counts.max() if length is None else length), pad, dtype=np.int64)
    for place, row in zip(wide, rows, strict=True):
        place[: len(row)] = row
    return wide, (np.arange(wide.shape[1]) < counts).astype(np.int64)


def cut_to(tokens: Numbers, wording: Wording) -> Numbers:
    """The tokens of a sentence, cut at their end to what the model reads at a time."""
    if len(tokens) <= wording.length:
        return tokens
    return np.append(tokens[: wording.length - len(wording.behind)], np.asarray(wording.behind, dtype=np.int64))
