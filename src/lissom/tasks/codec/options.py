"""What a user may say about films and how they are looked at."""

from dataclasses import dataclass

from lissom.core.errors import LissomError


@dataclass(frozen=True)
class CodecOptions:
    """What a user may say beside the model and the data.

    Args:
        windows: to learn from, of six frames of 128x128 pixels each; a twentieth as many, of twelve frames, to choose
            by, and for the verdict.
    """

    windows: int = 320

    def __post_init__(self) -> None:
        if self.windows < 8:
            raise LissomError(f"{self.windows} windows are too few to learn from", hint="give at least 8")
