"""A split of sentence pairs: tokens of any examples, filled up to the longest of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lissom.tasks.forcing import forced
from lissom.tasks.generating import Rules
from lissom.tasks.translation.handling import Numbers, batch_of
from lissom.workload.workload import Batch


@dataclass(frozen=True)
class PairSplit:
    """Examples that can be taken by number.

    Args:
        sources: tokens of each sentence, with its end.
        answers: those of its translation, without prompt and end.
        names: the sentences themselves.
        texts: the translations themselves, to be judged by.
        rules: how a translation begins and ends.
        pad: the token that batches of sources are filled up with.
    """

    sources: Sequence[Numbers]
    answers: Sequence[Sequence[int]]
    names: Sequence[str]
    texts: Sequence[str]
    rules: Rules
    pad: int

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def lengths(self) -> list[int]:
        """The tokens of each example, of source and translation together."""
        return [len(source) + len(answer) for source, answer in zip(self.sources, self.answers, strict=True)]

    def with_answers(self, answers: Sequence[Sequence[int]]) -> "PairSplit":
        """The same sentences with other translations to be learnt, as tokens without prompt and end."""
        assert len(answers) == len(self), "one translation for each sentence"
        return replace(self, answers=answers)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``.

        The inputs are tokens and mask of the sources ``(batch, length)`` and the tokens that the decoder is fed
        ``(batch, said)``; the targets ``(batch, said)`` are what it should say next.
        """
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        sources = batch_of([self.sources[row] for row in rows], self.pad)
        tokens, targets = forced([self.answers[row] for row in rows], self.rules)
        inputs = tuple(map(torch.from_numpy, (*sources, tokens)))
        return Batch(inputs, torch.from_numpy(targets), torch.from_numpy(rows))
