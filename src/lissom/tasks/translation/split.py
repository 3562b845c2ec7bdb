"""A split of sentence pairs: tokens of any examples, filled up to the longest of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lissom.tasks.translation.handling import Numbers, batch_of, filled
from lissom.workload.workload import Batch

NOTHING = -100  # a target where there is none, as torch.nn.functional.cross_entropy leaves it out


@dataclass(frozen=True)
class PairSplit:
    """Examples that can be taken by number.

    Args:
        sources: tokens of each sentence, with its end.
        targets: those of its translation, with its end; ``None`` where there are none.
        pad: the token that batches are filled up with.
        start: the token that every translation begins with.
        fill: tokens that every batch is filled up to, by default those of its longest sentence.
    """

    sources: Sequence[Numbers]
    targets: Sequence[Numbers]
    pad: int
    start: int
    fill: int | None = None

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> list[int]:
        """The tokens of each example, of source and translation together."""
        return [len(source) + len(target) for source, target in zip(self.sources, self.targets, strict=True)]

    def even(self) -> "PairSplit":
        """The same examples in batches that are all of one length."""
        return replace(self, fill=max(len(row) for rows in (self.sources, self.targets) for row in rows))

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``.

        The inputs are tokens and mask of the sources ``(batch, length)`` and what the decoder has said before each
        token ``(batch, said)``; the targets ``(batch, said)`` are what it should say.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        tokens, mask = batch_of([self.sources[row] for row in rows], self.pad)
        wanted = [self.targets[row] for row in rows]
        before = filled([np.concatenate([[self.start], row[:-1]]) for row in wanted], self.pad)
        inputs = tuple(map(torch.from_numpy, (tokens, mask, before)))
        return Batch(inputs, torch.from_numpy(filled(wanted, NOTHING)), torch.from_numpy(rows))
