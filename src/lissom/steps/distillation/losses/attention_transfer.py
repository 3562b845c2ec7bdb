"""Distillation of where a network looks: maps of activity over places."""

import torch.nn.functional as F
from torch import Tensor


def attention_transfer(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean square difference of normalised maps of activity, a scalar. Widths may differ, places may not.

    Zagoruyko and Komodakis, 2017, "Paying more attention to attention", section 3.1, equation 2; the mean over
    places in the place of the norm, as in the authors' code.

    Args:
        student: ``(batch, channels, height, width)``, or ``(batch, tokens, features)``.
        teacher: with the same places.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    far = (activity(student, mask) - activity(teacher, mask)).square()
    return far.mean() if mask is None else far.sum() / mask.sum().clamp(min=1)


def activity(features: Tensor, mask: Tensor | None = None) -> Tensor:
    """Where the activity is: the mean square over channels, of norm 1 over places, ``(batch, places)``.

    Padding has none.
    """
    channels = 1 if features.dim() == 4 else -1
    found = features.square().mean(channels).flatten(1)
    return F.normalize(found if mask is None else found * mask, dim=1)
