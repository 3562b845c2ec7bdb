"""A split of recordings: features, and the tokens that are said in them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import torch

from lissom.tasks.forcing import forced, forced_length
from lissom.tasks.generating import Rules
from lissom.tasks.recognition.hearing import Sound
from lissom.tasks.recognition.log_mel import LogMel
from lissom.tasks.speech.decoding import as_samples
from lissom.workload.workload import Batch


@dataclass(frozen=True)
class RecordingSplit:
    """Examples that can be taken by number.

    Args:
        sounds: of each recording, ``(samples,)``, int16.
        names: of the recordings.
        texts: what is said in each, or ``None`` where nobody wrote it down.
        answers: the tokens that are learnt of each, without prompt and end.
        features: from a window to the model's input.
        rules: how an answer begins and ends.
        fill: fill the tokens of every batch up to those of the longest answer.
    """

    sounds: Sequence[Sound]
    names: Sequence[str]
    texts: Sequence[str] | None
    answers: Sequence[Sequence[int]]
    features: LogMel
    rules: Rules
    fill: bool = False

    def __len__(self) -> int:
        return len(self.sounds)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens that are fed for each example."""
        return [forced_length(len(answer), self.rules) for answer in self.answers]

    def even(self) -> "RecordingSplit":
        """The same examples in batches that are all of one length."""
        return replace(self, fill=True)

    def with_answers(self, answers: Sequence[Sequence[int]]) -> "RecordingSplit":
        """The same examples with other tokens to be learnt."""
        assert len(answers) == len(self), "an answer for each example"
        return replace(self, answers=answers)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: inputs ``(batch, bands, frames)`` and ``(batch, length)``, targets alike."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        features = np.stack([self.features(as_samples(self.sounds[row])) for row in rows])
        length = max(self.lengths) if self.fill else None
        tokens, targets = forced([self.answers[row] for row in rows], self.rules, length)
        return Batch(
            (torch.from_numpy(features), torch.from_numpy(tokens)), torch.from_numpy(targets), torch.from_numpy(rows)
        )

    def sound(self, row: int) -> bytes:
        """One recording as a FLAC file."""
        written = io.BytesIO()
        soundfile.write(written, self.sounds[row], self.features.rate, format="FLAC", subtype="PCM_16")
        return written.getvalue()
