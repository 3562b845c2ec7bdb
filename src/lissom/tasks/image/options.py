"""What a user may say about pictures, their preprocessing and the training on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lissom.tasks.classification import Loss, Metric
from lissom.tasks.image.augmentation import Augment


@dataclass(frozen=True)
class ImageOptions:
    """What a user may say about pictures beside the model and the data.

    Args:
        size: side of the square input in pixels, or height and width.
        resize: length of the shorter side before the crop; by default as the library or the size asks.
        mean: subtracted from each channel, on the scale 0..1.
        std: what each channel is divided by.
        interpolation: of the resizing.
        channels: ``"L"`` for a model that takes one channel; by default ``"RGB"``.
        classes: names of the model's outputs in order, where the folders' alphabetical order is not it.
        augment: makes views for training; by default shifts or crops, half of them mirrored, which suits
            things but not letters and digits: see :mod:`lissom.tasks.image.augmentation`.
        loss: replaces cross entropy.
        metric: replaces accuracy.
        label_smoothing: of the cross entropy.
    """

    size: int | tuple[int, int] | None = None
    resize: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    interpolation: str | None = None
    channels: str | None = None
    classes: Sequence[str] = ()
    augment: Augment | None = None
    loss: Loss | None = None
    metric: Metric | None = None
    label_smoothing: float = 0.0
