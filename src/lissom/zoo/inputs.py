"""Example inputs for models of the zoo."""

import torch
from torch import Tensor

from lissom.zoo.catalog import input_shape


def example_inputs(name: str) -> tuple[Tensor, ...]:
    """Zeros in the usual shape: one picture ``(1, 3, height, width)``, token numbers ``(1, tokens)``,
    or one clip ``(1, 1, bands, frames)``."""
    shape = input_shape(name)
    return (torch.zeros(shape, dtype=torch.float32 if len(shape) == 4 else torch.int64),)
