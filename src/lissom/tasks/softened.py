"""Answers of classes softened by a temperature: how far one is from another, and a draw that tells the curvature."""

import torch
import torch.nn.functional as F
from torch import Tensor


def softened_distance(outputs: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence from the teacher's softened answer, times the temperature squared, a scalar.

    Hinton, Vinyals and Dean, 2015, "Distilling the knowledge in a neural network", section 2.

    Args:
        outputs: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        temperature: divides both before the softmax.
    """
    ours = F.log_softmax(outputs / temperature, dim=-1)
    theirs = F.log_softmax(teacher / temperature, dim=-1)
    return F.kl_div(ours, theirs, reduction="batchmean", log_target=True) * temperature**2


def softened_probe(outputs: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """The log-probability of a class drawn from each softened answer, summed over the batch, a scalar.

    The mean of its squared derivative is the Fisher information of the answer (Martens 2020, section 5); scaled by the
    temperature it is the curvature of :func:`softened_distance`.

    Args:
        outputs: scores before the softmax, ``(batch, classes)``.
        temperature: divides them before the softmax.
        generator: of the draws.
    """
    ours = F.log_softmax(outputs / temperature, dim=-1)
    drawn = torch.multinomial(ours.detach().exp().to(generator.device), 1, generator=generator)
    return temperature * ours.gather(1, drawn.to(ours.device)).sum()
