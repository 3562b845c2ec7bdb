"""A split of clips: features for any examples, as they are or of an augmented view."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import torch
from torch import Tensor

from lissom.tasks.kept_views import KeptViews
from lissom.tasks.speech.augmentation import Augmentation, Maps
from lissom.tasks.speech.decoding import Window, as_samples
from lissom.tasks.speech.handling import Features
from lissom.workload.workload import Batch

SOUNDS = 8  # augmented sounds of a clip, where their features fit into memory; views of one differ in the rest
_SOUND = 1  # apart are the random numbers of a sound and of what is done to its features


@dataclass(frozen=True)
class ClipSplit:
    """Examples that can be taken by number.

    Args:
        windows: what the model hears of each clip, ``(clips, samples)``, int16.
        names: of the clips.
        labels: ``(clips,)``, int64, or ``None`` where there are none.
        features: from a window to the model's input.
        augmentation: what views are made with; ``None``: a view is the clip as it is.
        seed: of the views.
        kept: the features of every clip as it is, ``(clips, 1, bands, frames)``, where they fit into memory.
        heard: those of augmented sounds, where they fit into memory; without it each view has a sound of its own.
    """

    windows: Window
    names: Sequence[str]
    labels: Tensor | None
    features: Features
    augmentation: Augmentation | None
    seed: int
    kept: Maps | None = None
    heard: KeptViews | None = None

    def __len__(self) -> int:
        return len(self.windows)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: inputs ``(batch, 1, bands, frames)``, targets ``(batch,)``."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        plain = view is None or self.augmentation is None
        if plain and self.kept is not None:
            inputs = self.kept[rows]
        else:
            inputs = np.stack([self._plain(row) if plain else self._view(row, view or 0) for row in rows.tolist()])
        where = torch.from_numpy(rows)
        targets = None if self.labels is None else self.labels[where]
        return Batch((torch.from_numpy(inputs),), targets, where)

    def with_kept(self, memory_bytes: int) -> "ClipSplit":
        """The same split with the features of every clip as it is made once, if they need no more memory than that,
        and those of its augmented sounds kept once made, if these need no more."""
        if not len(self):
            return self
        first = self._plain(0)
        need = len(self) * first.nbytes
        made = (
            replace(self, kept=np.stack([self._plain(row) for row in range(len(self))]))
            if need <= memory_bytes
            else self
        )
        if self.augmentation is None or SOUNDS * need > memory_bytes:
            return made
        return replace(made, heard=KeptViews(SOUNDS * need))

    def _plain(self, row: int) -> Maps:
        return self.features(as_samples(self.windows[row]))

    def _view(self, row: int, view: int) -> Maps:
        assert self.augmentation is not None
        generator = np.random.default_rng((self.seed, row, view))
        if self.heard is None:
            features = self._sound(row, view)
        else:
            features = self.heard.take(row, view % SOUNDS, lambda: self._sound(row, view % SOUNDS))
        return self.augmentation.features(features, generator, silence=self.features.silence)

    def _sound(self, row: int, sound: int) -> Maps:
        """The features of an augmented sound."""
        assert self.augmentation is not None
        generator = np.random.default_rng((self.seed, row, sound, _SOUND))
        return self.features(self.augmentation.sound(as_samples(self.windows[row]), self.features.rate, generator))

    def sound(self, row: int) -> bytes:
        """What the model hears of one clip, as a FLAC file."""
        written = io.BytesIO()
        soundfile.write(written, self.windows[row], self.features.rate, format="FLAC", subtype="PCM_16")
        return written.getvalue()
