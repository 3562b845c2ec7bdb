"""Distillation of answers with the true class and the others weighed by themselves."""

import torch
import torch.nn.functional as F
from torch import Tensor


def dkd(
    student: Tensor,
    teacher: Tensor,
    targets: Tensor,
    *,
    alpha: float = 1.0,
    beta: float = 8.0,
    temperature: float = 4.0,
) -> Tensor:
    """Decoupled distillation, a scalar: how sure the teacher is of the true class, and how it sees the others.

    Zhao, Cui, Song, Qiu and Liang, 2022, "Decoupled knowledge distillation", section 3.2, equation 7. With two
    classes there is one other, and the second part is zero.

    Args:
        student: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        targets: numbers of the true classes, ``(batch,)``.
        alpha: weight of the part on the true class.
        beta: weight of the part on the others.
        temperature: divides both before the softmax.
    """
    ours, theirs = student / temperature, teacher / temperature
    true = F.one_hot(targets, student.shape[-1]).bool()
    target_part = F.kl_div(_binary(ours, true), _binary(theirs, true), reduction="batchmean", log_target=True)
    others = F.kl_div(_others(ours, true), _others(theirs, true), reduction="batchmean", log_target=True)
    return (alpha * target_part + beta * others) * temperature**2


def _binary(scores: Tensor, true: Tensor) -> Tensor:
    """Log-probabilities of the true class and of all others together, ``(batch, 2)``."""
    found = F.log_softmax(scores, dim=-1)
    rest = found.masked_fill(true, -torch.inf).logsumexp(-1)
    return torch.stack([found[true], rest], dim=-1)


def _others(scores: Tensor, true: Tensor) -> Tensor:
    """Log-probabilities among the classes that are not true, ``(batch, classes - 1)``."""
    rest = scores[~true].reshape(len(scores), -1)
    return F.log_softmax(rest, dim=-1)
