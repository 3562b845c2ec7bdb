"""What a user may say about sentence pairs and the model that translates them."""

from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError

MOST_BEAMS = 64


@dataclass(frozen=True)
class TranslationOptions:
    """What a user may say about translation beside the model and the data.

    Args:
        languages: of source and target by a hyphen, as columns or endings of files have them: ``"en-de"``.
        length: the most tokens of a sentence; by default what the training sentences need, at most 128.
        tokenizer: a folder with a tokenizer, or a ``tokenizer.json``; by default that of the model's folder.
        metric: ``bleu`` or ``chrf``.
        beams: alternatives that are followed at a time when it is scored and timed.
        label_smoothing: of the cross entropy.
        temperature: softens both sides where a student learns the original's scores.
    """

    languages: str | None = None
    length: int | None = None
    tokenizer: str | Path | None = None
    metric: str | None = None
    beams: int = 1
    label_smoothing: float = 0.1
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= self.beams <= MOST_BEAMS:
            raise LissomError(
                f"{self.beams} beams are not possible",
                hint=f"give 1 to {MOST_BEAMS}; 1 takes the likeliest token after each token",
            )
        if self.length is not None and self.length < 1:
            raise LissomError(
                f"a length of {self.length} tokens is not possible", hint="give e.g. 128, or leave it out"
            )
        self.pair()  # is checked before anything slow

    def pair(self) -> tuple[str, str] | None:
        """Both languages.

        Raises:
            LissomError: they are not two.
        """
        if self.languages is None:
            return None
        first, _, second = self.languages.partition("-")
        if not first or not second or first == second:
            raise LissomError(f"{self.languages!r} are not two languages", hint="--languages en-de, the source first")
        return first, second
