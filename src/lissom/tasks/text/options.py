"""What a user may say about texts, their tokens and the training on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.tasks.text.metrics import METRICS


@dataclass(frozen=True)
class TextOptions:
    """What a user may say about texts beside the model and the data.

    Args:
        length: the most tokens of an input; by default what the training texts need, at most 128. Latency is
            measured with an input of this length.
        tokenizer: a folder with a tokenizer, or a ``tokenizer.json``; by default that of the model's folder.
        text: the column of texts, or the two columns of pairs.
        label: the column of labels.
        metric: ``accuracy``, ``macro-f1``, ``matthews``, or ``spearman`` for numbers.
        classes: names of the model's outputs in order, where the model does not know them.
        label_smoothing: of the cross entropy.
        replaced: the share of words that training sees replaced by ones of similar meaning.
        views: how many views of each text there are, the first of them the text as it is.
    """

    length: int | None = None
    tokenizer: str | Path | None = None
    text: Sequence[str] = ()
    label: str | None = None
    metric: str | None = None
    classes: Sequence[str] = ()
    label_smoothing: float = 0.0
    replaced: float = 0.0
    views: int = 1

    def __post_init__(self) -> None:
        if self.metric is not None and self.metric not in METRICS:
            raise LissomError(f"unknown metric {self.metric!r}", hint=f"known: {', '.join(METRICS)}")
        if len(self.text) > 2:
            raise LissomError(f"{len(self.text)} columns of texts", hint="a model takes one text, or a pair")
        if not 0 <= self.replaced < 1:
            raise LissomError(f"a share of {self.replaced:g} replaced words", hint="give 0 to 0.9, such as 0.3")
        if self.views < 1:
            raise LissomError(f"{self.views} views of each text", hint="give at least 1")
        if self.replaced and self.views == 1:
            raise LissomError(
                "no word would be replaced: the only view of a text is the text as it is", hint="give --views 4"
            )
        if self.views > 1 and not self.replaced:
            raise LissomError(
                f"{self.views} views of each text would all be the text as it is", hint="give --replaced 0.25"
            )
