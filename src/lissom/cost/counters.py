"""How many multiply-adds an ATen operator costs: one function per operator, found by name.

Names are strings so that an operator of a library that is not imported can have a counter too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor

from lissom.core.errors import LissomError

Count = Callable[..., int]


@dataclass(frozen=True)
class Counter:
    """Counts the multiply-adds of one operator.

    ``count(out, *args, **kwargs)`` gets the operator's result and arguments. ``operands`` are the positions
    of the two tensors that are multiplied: where both depend on the input, the work is attention (shown
    apart); empty means that the work is always a layer's.
    """

    count: Count
    operands: tuple[int, ...] = ()


COUNTERS: dict[str, Counter] = {}


def counter(*names: str, operands: tuple[int, ...] = ()) -> Callable[[Count], Count]:
    """Add a counting function for the operators called ``names``, such as ``"aten.mm"``.

    Raises:
        LissomError: an operator has a counter already.
    """

    def add(count: Count) -> Count:
        for name in names:
            if name in COUNTERS:
                raise LissomError(f"there is a counter for {name} already: {COUNTERS[name].count.__name__}")
            COUNTERS[name] = Counter(count, operands)
        return count

    return add


@counter("aten.convolution", "aten._convolution", "aten.convolution_overrideable")
def convolution_macs(
    out: Tensor,
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    *rest: Any,
) -> int:
    """Each output (of a transposed convolution: each input) meets one filter of ``weight``."""
    return (inputs if transposed else out).numel() * prod(weight.shape[1:])


@counter("aten.mkldnn_convolution", "aten.conv_depthwise3d", "aten._conv_depthwise2d")
def plain_convolution_macs(out: Tensor, inputs: Tensor, weight: Tensor, *rest: Any, **options: Any) -> int:
    """``weight``: ``(out channels, in channels / groups, *kernel)``."""
    return out.numel() * prod(weight.shape[1:])


@counter("torchvision.deform_conv2d")
def deformable_convolution_macs(out: Tensor, inputs: Tensor, weight: Tensor, *rest: Any) -> int:
    """The convolution proper; the interpolation of its inputs is not counted."""
    return out.numel() * prod(weight.shape[1:])


@counter("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten._int_mm", "aten._scaled_mm", operands=(0, 1))
def product_macs(out: Tensor, left: Tensor, right: Tensor, **options: Any) -> int:
    """``left``: ``(..., rows, inner)``."""
    return out.numel() * left.shape[-1]


@counter("aten.addmm", "aten.baddbmm", "aten.addmv", "aten._addmm_activation", operands=(1, 2))
def added_product_macs(out: Tensor, bias: Tensor, left: Tensor, right: Tensor, **options: Any) -> int:
    """``left``: ``(..., rows, inner)``; adding ``bias`` is not counted."""
    return out.numel() * left.shape[-1]


@counter("aten.addbmm", operands=(1, 2))
def summed_product_macs(out: Tensor, bias: Tensor, left: Tensor, right: Tensor, **options: Any) -> int:
    """``left``: ``(batch, rows, inner)``, summed over the batch."""
    return left.numel() * right.shape[-1]


@counter("aten.linear", "aten.mkldnn_linear", operands=(0, 1))
def linear_macs(out: Tensor, inputs: Tensor, weight: Tensor, *rest: Any) -> int:
    """``weight``: ``(out features, in features)``."""
    return out.numel() * weight.shape[-1]


@counter("aten.bilinear", "aten._trilinear")
def bilinear_macs(out: Tensor, left: Tensor, weight: Tensor, right: Tensor, *rest: Any) -> int:
    """``weight`` meets each pair of entries of ``left`` and ``right``."""
    rows = prod(out.shape[:-1])
    return rows * weight.numel()


@counter(
    "aten.scaled_dot_product_attention",
    "aten._scaled_dot_product_flash_attention",
    "aten._scaled_dot_product_flash_attention_for_cpu",
    "aten._scaled_dot_product_efficient_attention",
    "aten._scaled_dot_product_cudnn_attention",
    "aten._scaled_dot_product_fused_attention_overrideable",
    "aten._scaled_dot_product_attention_math",
    operands=(0, 1),
)
def attention_macs(out: Any, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any) -> int:
    """``query`` times ``key``, then the weights times ``value``; all ``(..., tokens, head size)``.

    Masked pairs are counted: fused kernels differ in whether they skip them.
    """
    pairs = prod(query.shape[:-1]) * key.shape[-2]
    return pairs * (query.shape[-1] + value.shape[-1])


@counter("aten.mkldnn_rnn_layer")
def recurrent_macs(out: Any, inputs: Tensor, weight: Tensor, recurrent: Tensor, *rest: Any) -> int:
    """One direction of one LSTM layer; ``inputs``: ``(steps, batch, features)``."""
    return prod(inputs.shape[:-1]) * (weight.numel() + recurrent.numel())


@counter("aten._cudnn_rnn")
def fused_recurrent_macs(out: Any, inputs: Tensor, weights: list[Tensor], *rest: Any) -> int:
    """All layers and directions; every matrix meets each step of each sequence."""
    return prod(inputs.shape[:2]) * sum(weight.numel() for weight in weights if weight.dim() == 2)
