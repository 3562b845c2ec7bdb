"""Example inputs for models of the zoo."""

import torch
from torch import Tensor

from lissom.zoo.catalog import input_shape
from lissom.zoo.models import build
from lissom.zoo.names import CODEC


def example_inputs(name: str) -> tuple[Tensor, ...]:
    """Zeros in the usual shape: one picture ``(1, 3, height, width)``, token numbers ``(1, tokens)``,
    one clip of sound ``(1, 1, bands, frames)``, or one of video ``(1, 3, frames, height, width)``; of a codec what
    it takes for a frame of 256x256 pixels."""
    if name in CODEC:
        return codec_inputs(build(name))
    shape = input_shape(name)
    return (torch.zeros(shape, dtype=torch.float32 if len(shape) > 2 else torch.int64),)


def codec_inputs(module: torch.nn.Module, side: int = 128) -> tuple[Tensor, ...]:
    """Frame, prediction, setting and noise, zeros but for the setting, of packed pictures of ``side`` by ``side``."""
    from lissom.zoo.codec import LATENT_STRIDE, PACKED, SETTINGS, Codec

    assert isinstance(module, Codec)
    picture = torch.zeros(1, PACKED, side, side)
    noise = torch.zeros(1, module.log_gain.out_features, side // LATENT_STRIDE, side // LATENT_STRIDE)
    return picture, picture.clone(), torch.eye(SETTINGS)[-1:], noise
