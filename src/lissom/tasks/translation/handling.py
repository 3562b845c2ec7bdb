"""What happens to a sentence before the model and to tokens after it: tokenizers and numpy only.

A bundle carries this file as it is.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Wording:
    """How sentences become tokens and tokens become sentences.

    Args:
        length: the most tokens that a sentence may have, the end among them.
        pad: the token that batches are filled up with.
        end: the token that ends a sentence.
        unknown: the token for what the vocabulary lacks, ``None`` where it lacks nothing.
    """

    length: int
    pad: int
    end: int
    unknown: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Wording":
        """The inverse of :meth:`to_json`."""
        return Wording(**data)


class Words:
    """The vocabularies of both languages, set up for one model.

    Args:
        source: the text of the ``tokenizer.json`` of what is read.
        target: that of what is said; often the same.
        wording: lengths and numbers.
    """

    def __init__(self, source: str, target: str, wording: Wording) -> None:
        self.wording = wording
        self._source = Tokenizer.from_str(source)
        self._target = self._source if target == source else Tokenizer.from_str(target)
        for tokenizer in (self._source, self._target):
            tokenizer.no_padding()
            tokenizer.no_truncation()

    def read(self, sentences: Sequence[str]) -> list[Numbers]:
        """The tokens of sentences of the source, each with its end; none is cut."""
        return self._numbers(self._source, sentences)

    def read_targets(self, sentences: Sequence[str]) -> list[Numbers]:
        """The tokens of sentences of the target, each with its end; none is cut."""
        return self._numbers(self._target, sentences)

    def said(self, texts: Sequence[Sequence[int]]) -> list[str]:
        """The sentences that tokens of the target stand for."""
        return [text.strip() for text in self._target.decode_batch([list(map(int, text)) for text in texts])]

    def _numbers(self, tokenizer: Tokenizer, sentences: Sequence[str]) -> list[Numbers]:
        found = tokenizer.encode_batch(list(sentences), add_special_tokens=False)
        return [np.asarray([*item.ids, self.wording.end], dtype=np.int64) for item in found]


def filled(rows: Sequence[Numbers], pad: int, length: int | None = None) -> Numbers:
    """Rows of tokens as one array ``(rows, length)``, by default as long as the longest."""
    longest = max((len(row) for row in rows), default=1) if length is None else length
    whole = np.full((len(rows), longest), pad, dtype=np.int64)
    for number, row in enumerate(rows):
        whole[number, : len(row)] = row
    return whole


def batch_of(rows: Sequence[Numbers], pad: int) -> tuple[Numbers, Numbers]:
    """Tokens and mask ``(rows, length)`` of a batch; the mask says where there is text."""
    tokens = filled(rows, pad)
    return tokens, (np.arange(tokens.shape[1]) < np.asarray([[len(row)] for row in rows])).astype(np.int64)
