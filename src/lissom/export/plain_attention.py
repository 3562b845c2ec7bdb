"""Attention as two products and a softmax: in one step of a decoder what shapes and masks take costs as much as these.

That of PyTorch is exported with every shape worked out at run time and its mask made anew in each layer.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lissom.export.onnx_file import quiet

_NAME = "lissom_plain"


def attend_plainly(module: nn.Module) -> bool:
    """Let the layers of a model of transformers attend by :func:`attend`, in place.

    What is attended to has to be visible as a whole but for padding, which is true of an encoder and of one step of a
    decoder.

    Returns:
        Whether they do; a model whose attention cannot be set stays as it is.
    """
    from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

    if not isinstance(module, PreTrainedModel):
        return False
    AttentionInterface.register(_NAME, attend)
    AttentionMaskInterface.register(_NAME, hide)
    with quiet():  # it logs where it cannot
        module.set_attn_implementation(_NAME)
    return module.config._attn_implementation == _NAME


def hide(*, attention_mask: Tensor | None = None, **_: Any) -> Tensor | None:
    """What :func:`attend` adds for a mask, as transformers asks for it.

    Args:
        attention_mask: ``(batch, length)``, true where a token is, false where there is padding.

    Returns:
        ``(batch, 1, 1, length)``: nothing, or so much that padding is not attended to; none where all are tokens.
    """
    if attention_mask is None:
        return None
    return (1 - attention_mask[:, None, None, :].float()) * torch.finfo(torch.float32).min


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    position_bias: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """What is attended to, ``(batch, queries, heads, head size)``, as transformers asks for it.

    Args:
        module: the layer.
        query: ``(batch, heads, queries, head size)``.
        key: ``(batch, heads, length, head size)``, of as many heads.
        value: of the same shape.
        attention_mask: added to the scores; of a shape that spreads to ``(batch, heads, queries, length)``.
        scaling: of the scores; by the head size where it is ``None``.
        position_bias: added as well, as T5 has it.
    """
    scores = (query @ key.transpose(2, 3)) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    for bias in (position_bias, attention_mask):
        if bias is not None:
            scores = scores + bias
    return (scores.softmax(dim=-1) @ value).transpose(1, 2), None
