"""What a user may say about videos, their clips and the training on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lissom.core.errors import LissomError

MOST_CLIPS = 64


@dataclass(frozen=True)
class VideoOptions:
    """What a user may say about videos beside the model and the data.

    Args:
        frames: of a clip.
        clips: of a video at test, of which its answer is the mean.
        size: side of the square input in pixels; by default as the model's library says, otherwise 224.
        resize: length of the shorter side before the crop; by default as the library says, or an eighth above the size.
        mean: subtracted from each channel, on the scale 0..1; by default as the library says, or that of ImageNet.
        std: what each channel is divided by; the same.
        group: a pattern that finds in a path what is never divided between splits, such as the film a clip is
            from: its first group.
        flip: whether training sees half of the clips mirrored. Not by default: it turns left into right.
        classes: names of the model's outputs in order, where the alphabetical order is not it.
        label_smoothing: of the cross entropy.
    """

    frames: int = 8
    clips: int = 1
    size: int | None = None
    resize: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    group: str | None = None
    flip: bool = False
    classes: Sequence[str] = ()
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.clips <= MOST_CLIPS:
            raise LissomError(f"{self.clips} clips of a video are not possible", hint=f"give 1 to {MOST_CLIPS}")
