"""How fast a network is taught, where nobody says it: by whether it normalises layers or batches."""

from torch import nn

CONVOLUTIONAL = (6e-3, 128)  # the highest rate of AdamW, and the batch
ENCODERS = (3e-4, 32)


def usual_learning(module: nn.Module) -> tuple[float, int]:
    """The highest rate of AdamW, and the batch.

    Networks with BatchNorm take high rates. Encoders of texts and pictures, which normalise layers, lose at them what
    they know: fine-tuning takes a twentieth (Devlin et al. 2019, appendix A.3, has 2e-5 to 5e-5 for BERT-base; small
    encoders take a few times as much, Turc et al. 2019, section 4.1: 3e-4).

    Args:
        module: the original, before anything was done to it.
    """
    attentive = any(isinstance(layer, (nn.LayerNorm, nn.RMSNorm)) for layer in module.modules())
    return ENCODERS if attentive else CONVOLUTIONAL
