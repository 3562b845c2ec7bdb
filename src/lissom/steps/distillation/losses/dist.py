"""Distillation of the relations between classes and between examples."""

import torch
from torch import Tensor


def dist(
    student: Tensor, teacher: Tensor, *, beta: float = 1.0, gamma: float = 1.0, temperature: float = 1.0
) -> Tensor:
    """One minus the correlation of probabilities, within examples and within classes, a scalar.

    Huang, You, Wang, Qian and Xu, 2022, "Knowledge distillation from a stronger teacher", section 3.2, equations 8
    to 10.

    Args:
        student: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        beta: weight of the relations between the classes of an example.
        gamma: weight of the relations between the examples of a class.
        temperature: divides both before the softmax.
    """
    ours, theirs = ((scores / temperature).softmax(-1) for scores in (student, teacher))
    between = 1 - correlation(ours, theirs).mean()
    within = 1 - correlation(ours.T, theirs.T).mean()
    return (beta * between + gamma * within) * temperature**2


def correlation(one: Tensor, two: Tensor) -> Tensor:
    """Pearson's correlation of each pair of rows, ``(rows,)``."""
    one, two = one - one.mean(-1, keepdim=True), two - two.mean(-1, keepdim=True)
    return torch.cosine_similarity(one, two, dim=-1, eps=1e-8)
