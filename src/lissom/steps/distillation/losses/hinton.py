"""Plain distillation of answers."""

import torch.nn.functional as F
from torch import Tensor


def hinton(student: Tensor, teacher: Tensor, *, temperature: float = 4.0) -> Tensor:
    """Kullback-Leibler divergence from the teacher's softened answer, times the temperature squared, a scalar.

    Hinton, Vinyals and Dean, 2015, "Distilling the knowledge in a neural network", section 2.

    Args:
        student: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        temperature: divides both before the softmax.
    """
    ours = F.log_softmax(student / temperature, dim=-1)
    theirs = F.log_softmax(teacher / temperature, dim=-1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2
