"""A split of pictures: tensors for any examples, as they are or as an augmented view."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lissom.tasks.image.augmentation import Augment, draw
from lissom.tasks.image.decoding import Store
from lissom.tasks.image.handling import Preprocessing
from lissom.workload.workload import Batch


@dataclass(frozen=True)
class PictureSplit:
    """Examples that can be taken by number.

    Args:
        store: the pictures, resized and cropped.
        labels: ``(examples,)``, int64, or ``None`` where there are none.
        preprocessing: what remains to be done is to normalise.
        augment: what views are made with; ``None``: a view is the picture as it is.
        seed: of the views.
        size: the number of examples.
    """

    store: Store
    labels: Tensor | None
    preprocessing: Preprocessing
    augment: Augment | None
    seed: int
    size: int

    def __len__(self) -> int:
        return self.size

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: inputs ``(batch, channels, height, width)``, targets ``(batch,)``."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.size:
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {self.size}")
        pixels = self.store.pixels(rows)
        if view is not None and self.augment is not None:
            pixels = self.augment(pixels, draw(self.seed, rows, view))
        where = torch.from_numpy(rows)
        targets = None if self.labels is None else self.labels[where]
        return Batch((normalise(pixels, self.preprocessing),), targets, where)


def normalise(pixels: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Bytes to the model's input; the same numbers as :meth:`Preprocessing.normalise`, to the bit."""
    mean = torch.tensor(preprocessing.mean)[:, None, None]
    std = torch.tensor(preprocessing.std)[:, None, None]
    return pixels.float().div_(255).sub(mean).div_(std)
