"""Does a model listen to speech? One example of it has over a thousand places, so that few are looked at, at once."""

from torch import nn

from lissom.layers.ctc_model import CtcModel
from lissom.layers.sequence_model import SequenceModel

FEW, AT_ONCE = 48, 4  # examples that are looked at where nothing is learnt, and in a batch


def listens(module: nn.Module) -> bool:
    """Whether a model takes sound and says a text, by the convolutions that it begins with."""
    says = isinstance(module, (SequenceModel, CtcModel))
    return says and any(isinstance(layer, nn.Conv1d) for layer in module.modules())
