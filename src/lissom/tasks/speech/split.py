"""A split of clips: features for any examples, as they are or of an augmented view."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from torch import Tensor

from lissom.tasks.speech.augmentation import Augmentation
from lissom.tasks.speech.decoding import Window, as_samples
from lissom.tasks.speech.handling import Features
from lissom.workload.workload import Batch


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
    """

    windows: Window
    names: Sequence[str]
    labels: Tensor | None
    features: Features
    augmentation: Augmentation | None
    seed: int
    kept: npt.NDArray[np.float32] | None = None

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
        """The same split with the features of every clip as it is made once, if they need no more memory than that."""
        if not len(self) or len(self) * self._plain(0).nbytes > memory_bytes:
            return self
        return replace(self, kept=np.stack([self._plain(row) for row in range(len(self))]))

    def _plain(self, row: int) -> npt.NDArray[np.float32]:
        return self.features(as_samples(self.windows[row]))

    def _view(self, row: int, view: int) -> npt.NDArray[np.float32]:
        assert self.augmentation is not None
        generator = np.random.default_rng((self.seed, row, view))
        sound = self.augmentation.sound(as_samples(self.windows[row]), self.features.rate, generator)
        return self.augmentation.features(self.features(sound), generator)

    def sound(self, row: int) -> bytes:
        """What the model hears of one clip, as a FLAC file."""
        written = io.BytesIO()
        soundfile.write(written, self.windows[row], self.features.rate, format="FLAC", subtype="PCM_16")
        return written.getvalue()
