"""How fast a network is taught, where nobody says it: by whether it normalises layers or batches."""

from torch import nn

from lissom.layers.listening import listens
from lissom.zoo.codec import Codec

CONVOLUTIONAL = (6e-3, 128)  # the highest rate of AdamW, and the batch
ENCODERS = (3e-4, 32)
LISTENERS = (1e-4, 8)
CODECS = (1e-3, 8)


def usual_learning(module: nn.Module) -> tuple[float, int]:
    """The highest rate of AdamW, and the batch.

    Networks with BatchNorm take high rates. Encoders of texts and pictures, which normalise layers, lose at them what
    they know: fine-tuning takes a twentieth (Devlin et al. 2019, appendix A.3, has 2e-5 to 5e-5 for BERT-base; small
    encoders take a few times as much, Turc et al. 2019, section 4.1: 3e-4). Models that listen have inputs of over a
    thousand places, so that a batch is smaller; 1e-4 is that of Gandhi et al. 2023 (Distil-Whisper), section 5.

    Codecs of pictures normalise nothing and learn from few pictures at a time (Minnen et al. 2018, section 4: 8).

    Args:
        module: the original, before anything was done to it.
    """
    if listens(module):
        return LISTENERS
    if isinstance(module, Codec):
        return CODECS
    attentive = any(isinstance(layer, (nn.LayerNorm, nn.RMSNorm)) for layer in module.modules())
    return ENCODERS if attentive else CONVOLUTIONAL
