"""A split of recordings: features, and the tokens that are said in them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import torch

from lissom.tasks.forcing import filled, forced, forced_length
from lissom.tasks.generating import Rules
from lissom.tasks.recognition.hearing import Sound
from lissom.tasks.recognition.windows import Hearing, Samples
from lissom.tasks.speech.decoding import FULL_SCALE, as_samples
from lissom.tasks.speech.handling import SILENT
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
        rules: how an answer begins and ends; ``None`` for a model that is not told what was said (CTC).
    """

    sounds: Sequence[Sound]
    names: Sequence[str]
    texts: Sequence[str] | None
    answers: Sequence[Sequence[int]]
    features: Hearing
    rules: Rules | None

    def __len__(self) -> int:
        return len(self.sounds)

    @property
    def lengths(self) -> list[int]:
        """The number of tokens of each example, with those that begin it."""
        return [len(item) if self.rules is None else forced_length(len(item), self.rules) for item in self.answers]

    def with_answers(self, answers: Sequence[Sequence[int]]) -> "RecordingSplit":
        """The same examples with other tokens to be learnt."""
        assert len(answers) == len(self), "an answer for each example"
        return replace(self, answers=answers)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: features ``(batch, ...)`` and, with rules, tokens ``(batch, length)``; the
        tokens that come next, or those of the answers, ``(batch, length)``."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        features = torch.from_numpy(np.stack([self.features(self._samples(row)) for row in rows]))
        answers, where = [self.answers[row] for row in rows], torch.from_numpy(rows)
        if self.rules is None:
            return Batch((features,), torch.from_numpy(filled(answers)), where)
        tokens, targets = forced(answers, self.rules)
        return Batch((features, torch.from_numpy(tokens)), torch.from_numpy(targets), where)

    def silent(self, row: int) -> bool:
        """Whether a recording is what the remarks of a bundle call silence."""
        return int(np.abs(self.sounds[row]).max(initial=0)) < SILENT * FULL_SCALE

    def _samples(self, row: int) -> Samples:
        """Those of a recording, all zero where it is silent: nothing is asked of a model there."""
        samples = as_samples(self.sounds[row])
        return np.zeros_like(samples) if self.silent(row) else samples

    def sound(self, row: int) -> bytes:
        """One recording as a FLAC file."""
        written = io.BytesIO()
        soundfile.write(written, self.sounds[row], self.features.rate, format="FLAC", subtype="PCM_16")
        return written.getvalue()
