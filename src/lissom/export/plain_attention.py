"""Attention as two products and a softmax: in one step of a decoder what shapes and masks take costs as much as these.

That of PyTorch is exported with every shape worked out at run time and its mask made anew in each layer.
"""

from typing import Any

from torch import Tensor, nn

_NAME = "lissom_plain"


def attend_plainly(module: nn.Module) -> None:
    """Let the layers of a model of transformers attend by :func:`attend`, in place.

    Where no mask of four dimensions is given none is made: what is attended to has to be visible as a whole, which is
    what the cache of one step is. A model whose attention cannot be set stays as it is.
    """
    from transformers import AttentionInterface, PreTrainedModel

    if isinstance(module, PreTrainedModel):
        AttentionInterface.register(_NAME, attend)
        module.set_attn_implementation(_NAME)


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
        key: ``(batch, heads, length, head size)``.
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
