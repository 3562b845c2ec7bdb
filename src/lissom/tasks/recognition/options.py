"""What a user may say about recordings and the model that listens to them."""

from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError

MOST_BEAMS, MOST_SECONDS = 64, 30.0


@dataclass(frozen=True)
class RecognitionOptions:
    """What a user may say about recordings beside the model and the data.

    Args:
        tokenizer: a ``tokenizer.json``, or a folder with one; by default the one beside the model.
        language: of the speech, for a model that knows several.
        seconds: window that a model hears which has none of its own; by default the longest recording.
        beams: alternatives that are followed at a time when the model is asked.
        label_smoothing: of the cross entropy.
    """

    tokenizer: str | Path | None = None
    language: str | None = None
    seconds: float | None = None
    beams: int = 1
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0.1 <= self.seconds <= MOST_SECONDS:
            raise LissomError(
                f"a window of {self.seconds:g} s is not possible", hint=f"give 0.1 to {MOST_SECONDS:g} seconds"
            )
        if not 1 <= self.beams <= MOST_BEAMS:
            raise LissomError(f"{self.beams} beams are not possible", hint=f"give 1 to {MOST_BEAMS}")
