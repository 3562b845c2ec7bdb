"""TinyBERT's losses on hidden states and attention; its loss on answers is :func:`hinton` at temperature 1."""

import torch
from torch import Tensor

from lissom.steps.distillation.losses.hints import hints


def tinybert_hidden(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean square difference of hidden states or embeddings of the tokens, a scalar.

    Jiao et al., 2020, "TinyBERT: distilling BERT for natural language understanding", section 3.1, equations 8 and 9;
    where widths differ the student's go through a learnt projection first.

    Args:
        student: ``(batch, tokens, features)``.
        teacher: of the same shape.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    return hints(student, teacher, mask)


def tinybert_attention(student: Tensor, teacher: Tensor, mask: Tensor | None = None) -> Tensor:
    """The mean square difference of attention scores before the softmax, a scalar.

    Jiao et al., 2020, section 3.1, equation 7. What padding is paid is left out.

    Args:
        student: ``(batch, heads, tokens, tokens)``.
        teacher: of the same shape.
        mask: ``(batch, tokens)``, false where there is only padding.
    """
    far = (student - teacher).square()
    if mask is None:
        return far.mean()
    both = (mask[:, None, :, None] & mask[:, None, None, :]).expand_as(far)
    return far[both].mean()


def attention_scores(queries: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Scores of attention before the softmax, ``(batch, heads, tokens, tokens)``.

    Args:
        queries: ``(batch, tokens, features)``.
        keys: likewise.
        heads: into which the features are split.
    """
    queries, keys = split_heads(queries, heads), split_heads(keys, heads)
    return queries @ keys.mT / queries.shape[-1] ** 0.5


def split_heads(features: Tensor, heads: int) -> Tensor:
    """``(batch, tokens, features)`` as ``(batch, heads, tokens, features of a head)``."""
    batch, tokens, _ = features.shape
    return torch.transpose(features.reshape(batch, tokens, heads, -1), 1, 2)
