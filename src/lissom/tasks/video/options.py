"""What a user may say about videos, their clips and the training on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lissom.tasks.video.handling import IMAGENET_MEAN, IMAGENET_STD


@dataclass(frozen=True)
class VideoOptions:
    """What a user may say about videos beside the model and the data.

    Args:
        frames: of a clip.
        size: side of the square input in pixels.
        resize: length of the shorter side before the crop; by default an eighth above the size.
        mean: subtracted from each channel, on the scale 0..1.
        std: what each channel is divided by.
        group: a pattern that finds in a path what is never divided between splits, such as the film a clip is
            from: its first group.
        flip: whether training sees half of the clips mirrored. Not by default: it turns left into right.
        classes: names of the model's outputs in order, where the alphabetical order is not it.
        label_smoothing: of the cross entropy.
    """

    frames: int = 8
    size: int = 224
    resize: int | None = None
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD
    group: str | None = None
    flip: bool = False
    classes: Sequence[str] = ()
    label_smoothing: float = 0.0
