"""A split of texts: token numbers for any examples, filled up to the longest of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lissom.tasks.text.handling import Encoding, Numbers
from lissom.tasks.text.replacing import Replacing
from lissom.workload.workload import Batch


@dataclass(frozen=True)
class TextSplit:
    """Examples that can be taken by number.

    Args:
        tokens: token numbers of each example.
        types: which text of a pair each token belongs to.
        labels: ``(examples,)``, or ``None`` where there are none.
        encoding: how batches are filled up.
        replacing: what views are made with; ``None``: a view is the text as it is.
        fill: fill every batch up to the full length, not only to its longest text.
    """

    tokens: Sequence[Numbers]
    types: Sequence[Numbers]
    labels: Tensor | None
    encoding: Encoding
    replacing: Replacing | None = None
    fill: bool = False

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens of each example."""
        return [len(item) for item in self.tokens]

    def even(self) -> "TextSplit":
        """The same examples in batches that are all of the full length."""
        return replace(self, fill=True)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: inputs ``(batch, tokens)``, targets ``(batch,)``."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        length = self.encoding.length if self.fill else None
        tokens = [self.tokens[row] for row in rows]
        if view is not None and self.replacing is not None:
            tokens = [self.replacing(item, int(row), view) for item, row in zip(tokens, rows, strict=True)]
        inputs = self.encoding.inputs(tokens, [self.types[row] for row in rows], length)
        where = torch.from_numpy(rows)
        targets = None if self.labels is None else self.labels[where]
        return Batch(tuple(map(torch.from_numpy, inputs)), targets, where)
