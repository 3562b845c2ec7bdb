"""Texts as an array of whole numbers, and back: code points, filled up with what no text holds."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_FILL = -1


def as_codes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """The code points of each text, ``(texts, longest)``."""
    found = np.full((len(texts), max(map(len, texts), default=0)), _FILL, dtype=np.int64)
    for row, text in zip(found, texts, strict=True):
        row[: len(text)] = [ord(letter) for letter in text]
    return found


def as_texts(codes: npt.NDArray[np.int64]) -> list[str]:
    """The inverse of :func:`as_codes`."""
    return ["".join(map(chr, row[row != _FILL].tolist())) for row in codes]
