"""What a user may say about recordings and the model that listens to them."""

from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError

MOST_BEAMS = 64


@dataclass(frozen=True)
class RecognitionOptions:
    """What a user may say about recordings beside the model and the data.

    Args:
        tokenizer: a ``tokenizer.json``, or a folder with one; by default the one beside the model.
        language: of the speech, for a model that knows several.
        beams: alternatives that are followed at a time when the model is asked.
        label_smoothing: of the cross entropy.
    """

    tokenizer: str | Path | None = None
    language: str | None = None
    beams: int = 1
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.beams <= MOST_BEAMS:
            raise LissomError(f"{self.beams} beams are not possible", hint=f"give 1 to {MOST_BEAMS}")
