"""Sentences with their translations in memory, as the items of a listing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lissom.tasks.listing import Listing

Pair = tuple[str, str]


@dataclass(frozen=True)
class PairItems:
    """Sentences and their translations. A pair is called by its source, which so decides in which split it lands, in
    one with all that have the same (see :func:`plain`)."""

    rows: Sequence[Pair]

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, row: int) -> Pair:
        """A sentence and its translation."""
        return self.rows[row]

    def name(self, row: int) -> str:
        """The sentence that is translated."""
        return self.rows[row][0]


def listing(rows: Sequence[Pair]) -> Listing[Pair]:
    """All of ``rows``, in their order."""
    return Listing(PairItems(rows), np.arange(len(rows)), None)


def without_known(rows: Sequence[Pair], known: Sequence[Pair]) -> list[Pair]:
    """The rows of which the source is not among those of ``known``, whatever its case and its spaces."""
    seen = {plain(source) for source, _ in known}
    return [row for row in rows if plain(row[0]) not in seen]


def plain(sentence: str) -> str:
    """A sentence whatever its case and its spaces: what is the same is in one split alone."""
    return " ".join(sentence.casefold().split())
