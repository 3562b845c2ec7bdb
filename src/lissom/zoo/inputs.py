"""Example inputs for models of the zoo."""

import torch
from torch import Tensor

from lissom.zoo.catalog import input_shape


def example_inputs(name: str) -> tuple[Tensor, ...]:
    """Zeros in the usual shape: one picture ``(1, 3, height, width)``, token numbers ``(1, tokens)``,
    one clip of sound ``(1, 1, bands, frames)``, or one of video ``(1, 3, frames, height, width)``."""
    shape = input_shape(name)
    return (torch.zeros(shape, dtype=torch.float32 if len(shape) > 2 else torch.int64),)
