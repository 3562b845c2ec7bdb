"""How fast a network is taught, where nobody says it: by whether it normalises layers or batches."""

import math

from torch import Tensor, nn

from lissom.layers.listening import listens
from lissom.workload.workload import Workload
from lissom.zoo.codec import Codec

CONVOLUTIONAL = (6e-3, 128)  # the highest rate of AdamW, and the batch
ENCODERS = (3e-4, 32)
LISTENERS = (1e-4, 8)
CODECS = (3e-4, 8)
REPAIRED_CLIPS = 3e-4  # the highest rate of a short recovery
_CLIPS, _FRAMES, _FEWEST = 5, 256, 8  # dimensions of a batch of clips; frames of one, and clips at least
_WHOLE, _ANEW = 6.0, 9.0  # epochs from which on a cycle can go up to the highest rate; of clips


def recovering_rate(original: Workload, epochs: float) -> float:
    """The highest rate of AdamW in a cycle of so many epochs, which begins with a network that was repaired.

    Such a network is nearly right already. A high rate first undoes that, and a short cycle does not come back: half
    an epoch at 6e-3 costs a ResNet-20 on CIFAR-10 three points, at 3e-4 it gains half a point
    (``benchmarks/recovering.py``). So the rate of networks with BatchNorm is in proportion to the epochs up to six.
    Clips are from few films, and what a short cycle learns anew at a high rate holds for those films alone: up to nine
    epochs their rate stays low.

    Args:
        original: before anything was done to it.
        epochs: of the cycle, or a part of one.
    """
    rate, _ = usual_learning(original)
    if not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in original.module.modules()):
        return rate
    if _clips(original):
        return rate if epochs >= _ANEW else REPAIRED_CLIPS
    return rate * min(1.0, epochs / _WHOLE)


def usual_learning(original: Workload) -> tuple[float, int]:
    """The highest rate of AdamW, and the batch.

    Networks with BatchNorm take high rates. Encoders of texts and pictures, which normalise layers, lose at them what
    they know: fine-tuning takes a twentieth (Devlin et al. 2019, appendix A.3, has 2e-5 to 5e-5 for BERT-base; small
    encoders take a few times as much, Turc et al. 2019, section 4.1: 3e-4). Models that listen have inputs of over a
    thousand places, so that a batch is smaller; 1e-4 is that of Gandhi et al. 2023 (Distil-Whisper), section 5.

    Codecs of pictures normalise nothing and learn from few pictures at a time (Minnen et al. 2018, section 4: 8); a
    repaired one is nearly right already, and its rate is low.
    Clips have many frames each, so that there are fewer in a batch, and the rate goes down with its square root
    (Krizhevsky 2014, "One weird trick", section 5).

    Args:
        original: before anything was done to it.
    """
    module = original.module
    if listens(module):
        return LISTENERS
    if isinstance(module, Codec):
        return CODECS
    attentive = any(isinstance(layer, (nn.LayerNorm, nn.RMSNorm)) for layer in module.modules())
    if attentive:
        return ENCODERS
    rate, batch = CONVOLUTIONAL
    clips = _clips(original)
    fewer = min(batch, max(_FEWEST, _FRAMES // clips[0].shape[2])) if clips else batch
    return rate * math.sqrt(fewer / batch), fewer


def _clips(original: Workload) -> list[Tensor]:
    """The inputs that are clips, each ``(1, channels, frames, height, width)``."""
    return [part for part in original.example if part.dim() == _CLIPS]
