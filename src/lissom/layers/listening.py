"""What a model puts into words needs much room: over a thousand places of sound, or scores of all words at each place.

So few examples of it are looked at, and few at once.
"""

from typing import TypedDict

from torch import nn

from lissom.layers.ctc_model import CtcModel
from lissom.layers.sequence_model import SequenceModel

FEW, AT_ONCE = 48, 4  # examples that are looked at where nothing is learnt, and in a batch


def listens(module: nn.Module) -> bool:
    """Whether a model takes sound and says a text, by the convolutions that it begins with."""
    return puts_into_words(module) and any(isinstance(layer, nn.Conv1d) for layer in module.modules())


def puts_into_words(module: nn.Module) -> bool:
    """Whether a model answers with a text, whatever it takes: it gives scores of all words at each place."""
    return isinstance(module, (SequenceModel, CtcModel))


class LookedAt(TypedDict, total=False):
    """How many examples are looked at, and how many at once."""

    examples: int
    batch: int


def looked_at(module: nn.Module) -> LookedAt:
    """Of a model that puts into words, what is looked at where nothing is learnt; of others nothing is said."""
    return {"examples": FEW, "batch": AT_ONCE} if puts_into_words(module) else {}
