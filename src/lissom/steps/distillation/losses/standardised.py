"""Distillation of answers that are brought to the same mean and spread first."""

from torch import Tensor

from lissom.steps.distillation.losses.hinton import hinton


def standardise(scores: Tensor) -> Tensor:
    """Scores of each example with mean 0 and standard deviation 1, ``(batch, classes)``."""
    centred = scores - scores.mean(-1, keepdim=True)
    return centred / (scores.std(-1, keepdim=True, correction=0) + 1e-7)


def standardised(student: Tensor, teacher: Tensor, *, temperature: float = 2.0) -> Tensor:
    """Plain distillation of standardised scores: only relations between classes are matched, a scalar.

    Sun, Ren, Li, Wang and Cao, 2024, "Logit standardization in knowledge distillation", section 4.2, equation 14.
    With two classes nothing but the order of the scores is left: use :func:`hinton` there.

    Args:
        student: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        temperature: the base temperature, after the standardisation.
    """
    return hinton(standardise(student), standardise(teacher), temperature=temperature)
