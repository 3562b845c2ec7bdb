"""What a user may say about clips, their features and the training on them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lissom.tasks.speech.augmentation import Augmentation

USUAL = Augmentation()


@dataclass(frozen=True)
class SpeechOptions:
    """What a user may say about clips beside the model and the data.

    Args:
        rate: samples a second that clips are brought to; by default as most of them have, at most 16000.
        seconds: length of the window that the model hears; this and the next three are by default as a known data
            set has them, else as :class:`lissom.tasks.speech.handling.Features` has.
        bands: of the mel scale.
        window_ms: length of a frame.
        hop_ms: from one frame to the next.
        mean: of the log power, for a model that was trained on features made so; by default each clip is measured
            against its own loudest part.
        std: of the log power, with ``mean``.
        speaker: a pattern that finds the speaker in a path: its first group.
        classes: names of the model's outputs in order, where the alphabetical order is not it.
        augmentation: makes views for training.
        label_smoothing: of the cross entropy.
    """

    rate: int | None = None
    seconds: float | None = None
    bands: int | None = None
    window_ms: float | None = None
    hop_ms: float | None = None
    mean: float | None = None
    std: float = 1.0
    speaker: str | None = None
    classes: Sequence[str] = ()
    augmentation: Augmentation | None = USUAL
    label_smoothing: float = 0.0
