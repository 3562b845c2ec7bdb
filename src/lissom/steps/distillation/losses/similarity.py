"""Distillation of which examples of a batch look alike."""

import torch.nn.functional as F
from torch import Tensor


def similarity(student: Tensor, teacher: Tensor) -> Tensor:
    """The mean square difference of the similarities between examples, a scalar. Widths may differ.

    Tung and Mori, 2019, "Similarity-preserving knowledge distillation", section 3.1, equations 1 to 4.

    Args:
        student: features, ``(batch, ...)``.
        teacher: likewise, of any shape.
    """
    return (_alike(student) - _alike(teacher)).square().mean()


def _alike(features: Tensor) -> Tensor:
    """Inner products of all examples, each row of norm 1, ``(batch, batch)``."""
    flat = features.flatten(1)
    return F.normalize(flat @ flat.T, dim=1)
