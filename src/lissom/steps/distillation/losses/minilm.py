"""MiniLM's losses: to whom the tokens of the last layer attend, and how their values relate."""

import torch.nn.functional as F
from torch import Tensor

from lissom.steps.distillation.losses.tinybert import attention_scores


def relation(
    student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor], heads: int, mask: Tensor | None = None
) -> Tensor:
    """Kullback-Leibler divergence of scaled and soft-maxed products between tokens, mean over heads and tokens.

    With queries and keys these are the attention distributions, with values twice the value relation. Widths may
    differ: both are split into as many relation heads.

    Args:
        student: two tensors ``(batch, tokens, features)``.
        teacher: likewise, of any width.
        heads: into which both are split.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    ours, theirs = attention_scores(*student, heads), attention_scores(*teacher, heads)
    if mask is not None:
        ours, theirs = (scores.masked_fill(~mask[:, None, None, :], -1e4) for scores in (ours, theirs))
    far = F.kl_div(ours.log_softmax(-1), theirs.log_softmax(-1), reduction="none", log_target=True).sum(-1).mean(1)
    return far.mean() if mask is None else (far * mask).sum() / mask.sum().clamp(min=1)


def minilm(
    student: tuple[Tensor, Tensor, Tensor],
    teacher: tuple[Tensor, Tensor, Tensor],
    heads: int,
    mask: Tensor | None = None,
) -> Tensor:
    """Attention transfer plus value relation of one layer, a scalar.

    Wang et al., 2020, "MiniLM: deep self-attention distillation", sections 3.1 and 3.2, equations 5 to 8. Where the
    student has another number of heads, ``heads`` are relation heads (Wang et al., 2021, "MiniLMv2", section 3.1).

    Args:
        student: queries, keys and values, ``(batch, tokens, features)``.
        teacher: likewise, of any width.
        heads: into which each is split.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    attention = relation(student[:2], teacher[:2], heads, mask)
    return attention + relation((student[2], student[2]), (teacher[2], teacher[2]), heads, mask)
