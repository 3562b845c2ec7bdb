"""What happens to a text before the model: tokenizers and numpy only, so that it runs the same without torch."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from lissom.core.errors import LissomError

TOKENIZER = "tokenizer.json"
Texts = tuple[str, ...]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Encoding:
    """How texts become the model's inputs.

    Args:
        length: the most tokens that an input may have, special ones included; what is longer is cut at its end,
            of a pair the longer text first.
        pad: the number of the padding token; the model takes every other token for text.
        texts: 1, or 2 for pairs.
        types: whether a second input says which text of a pair each token belongs to.
        left: whether batches are filled up at the front, for a model that looks at the last place.
    """

    length: int
    pad: int
    texts: int = 1
    types: bool = False
    left: bool = False

    def __post_init__(self) -> None:
        if self.length < 4:
            raise LissomError(f"a length of {self.length} tokens leaves no room for a text", hint="give e.g. 128")
        if self.texts not in (1, 2):
            raise LissomError(f"an input of {self.texts} texts is not possible", hint="give one text, or a pair")

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Encoding":
        """The inverse of :meth:`to_json`."""
        return Encoding(**data)

    def inputs(self, tokens: Sequence[Numbers], types: Sequence[Numbers], length: int | None = None) -> list[Numbers]:
        """The model's inputs of tokens and types of some texts, filled up to the longest or to ``length``."""
        found = [padded(tokens, self.pad, length, left=self.left)]
        return [*found, padded(types, 0, length, left=self.left)] if self.types else found


class Encoder:
    """A tokenizer set up for one model.

    Args:
        tokenizer: the text of a ``tokenizer.json``.
        encoding: lengths and numbers.
    """

    def __init__(self, tokenizer: str, encoding: Encoding) -> None:
        self.encoding = encoding
        try:
            self._tokenizer = Tokenizer.from_str(tokenizer)
        except Exception as error:  # the library raises plain exceptions
            raise LissomError(f"{TOKENIZER} cannot be read: {error}", hint="it is damaged: copy it again") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(encoding.length, strategy="longest_first")

    @staticmethod
    def of_file(path: Path, encoding: Encoding) -> "Encoder":
        """An encoder from a ``tokenizer.json``."""
        return Encoder(path.read_text(encoding="utf-8"), encoding)

    def __call__(self, texts: Sequence[Texts]) -> list[Numbers]:
        """The model's inputs of some texts, each ``(texts, tokens)``, filled up to the longest.

        Raises:
            LissomError: a text is empty, or there are too few or too many in one input.
        """
        for item in texts:
            if len(item) != self.encoding.texts:
                wanted = "a pair of texts" if self.encoding.texts == 2 else "one text"
                raise LissomError(f"the model takes {wanted}, not {len(item)}")
            if not all(text.strip() for text in item):
                raise LissomError("the text is empty")
        tokens, types = self.numbers(texts)
        return self.encoding.inputs(tokens, types)

    def numbers(self, texts: Sequence[Texts]) -> tuple[list[Numbers], list[Numbers]]:
        """Token numbers and types of each input, as long as it is."""
        given = [item if len(item) == 2 else item[0] for item in texts]
        found = self._tokenizer.encode_batch_fast(given)
        return (
            [np.asarray(item.ids, dtype=np.int64) for item in found],
            [np.asarray(item.type_ids, dtype=np.int64) for item in found],
        )


def padded(rows: Sequence[Numbers], fill: int, length: int | None = None, *, left: bool = False) -> Numbers:
    """Rows of numbers as one array, filled up to the longest or to ``length``, behind them or on their left."""
    wide = np.full((len(rows), max(map(len, rows)) if length is None else length), fill, dtype=np.int64)
    for row, numbers in zip(wide, rows, strict=True):
        row[len(row) - len(numbers) if left else 0 :][: len(numbers)] = numbers
    return wide
