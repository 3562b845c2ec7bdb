"""DistilBERT's triple loss: the teacher's answers, the task's own loss, and the direction of the last hidden states."""

import torch
from torch import Tensor

from lissom.steps.distillation.losses.hinton import hinton


def cosine(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """One minus the cosine between hidden states of the same token, mean over tokens, a scalar.

    Sanh, Debut, Chaumond and Wolf, 2019, "DistilBERT, a distilled version of BERT", section 3 (L_cos).

    Args:
        student: ``(batch, tokens, features)``.
        teacher: of the same shape.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    far = 1 - torch.cosine_similarity(student, teacher, dim=-1)
    return far.mean() if mask is None else (far * mask).sum() / mask.sum().clamp(min=1)


def distilbert(
    answers: tuple[Tensor, Tensor],
    hidden: tuple[Tensor, Tensor],
    own: Tensor,
    mask: Tensor | None = None,
    *,
    weights: tuple[float, float, float] = (5.0, 2.0, 1.0),
    temperature: float = 2.0,
) -> Tensor:
    """The triple loss, a scalar (Sanh et al., 2019, section 3; weights and temperature of the authors' script).

    Args:
        answers: the student's and the teacher's scores, ``(..., classes)``: of masked words, or of the task.
        hidden: the student's and the teacher's last hidden states, ``(batch, tokens, features)``.
        own: the student's own loss on what is true: of masked words, or of the task.
        mask: ``(batch, tokens)``, false where there is only padding.
        weights: of answers, own loss and directions.
        temperature: of the answers.
    """
    told, learnt, turned = weights
    student, teacher = (scores.flatten(0, -2) for scores in answers)
    return told * hinton(student, teacher, temperature=temperature) + learnt * own + turned * cosine(*hidden, mask)
