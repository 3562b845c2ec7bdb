"""Distillation of the values inside: the student's are to be the teacher's."""

import torch.nn.functional as F
from torch import Tensor


def hints(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean square difference of features, a scalar.

    Romero et al., 2015, "FitNets: hints for thin deep nets", section 2.2, equation 3. Features of another width go
    through a learnt projection first (:class:`lissom.steps.distillation.projecting.Projection`).

    Args:
        student: ``(batch, channels, height, width)``, ``(batch, tokens, features)`` or ``(batch, features)``.
        teacher: of the same shape.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    if mask is None:
        return F.mse_loss(student, teacher)
    far = (student - teacher).square().mean(-1)
    return (far * mask).sum() / mask.sum().clamp(min=1)
