"""Convolutions in whole numbers: runtimes that multiply and add in float32 find the same, in whatever order.

Float32 holds whole numbers below 2**24 exactly, and so their sums, as long as these stay below it. A map of values is
kept as whole numbers of at most :data:`BITS` digits, each channel times a power of two of its own; weights are whole
numbers with as many digits as leave the largest sum that such a map allows below 2**24. What comes out is rounded to
the next map's digits: powers of two and halves are exact too (after Ballé, Johnston and Minnen 2019, "Integer networks
for data compression with latent-variable models", section 3; here nothing is trained for it).
"""

import copy

import torch
from torch import Tensor, nn

BITS = 12  # of a value, without its sign
LIMIT = float(1 << 24)
MOST = float((1 << BITS) - 1)
_ROOM = 2.0  # times the largest value that was seen: values beyond it are cut off
_LEAST = 1e-6  # a channel that is always 0 has some unit too


def units(largest: Tensor) -> Tensor:
    """Of each channel the power of two that its whole numbers count.

    Args:
        largest: the largest absolute values that were seen, ``(channels,)``.
    """
    return (largest.double().clamp(min=_LEAST) * _ROOM / MOST).log2().ceil().exp2()


def whole(values: Tensor, unit: Tensor) -> Tensor:
    """Values ``(batch, channels, height, width)`` in whole numbers of a unit for each channel, ``(channels,)``."""
    return torch.clamp(torch.round(values / unit[:, None, None].float()), -MOST, MOST)


class ExactConvolution(nn.Module):
    """Whole numbers ``(batch, inputs, height, width)`` to whole numbers ``(batch, outputs, height, width)``.

    Args:
        layer: what it does with values, to within the digits of weights and values.
        before: the unit of each input channel.
        after: the unit of each output channel.
        rectified: whether no input is below 0, so that weights may have a digit more.
        rectify: whether outputs below 0 become 0.
    """

    shift: Tensor

    def __init__(
        self,
        layer: nn.Conv2d | nn.ConvTranspose2d,
        before: Tensor,
        after: Tensor,
        *,
        rectified: bool = False,
        rectify: bool = False,
    ) -> None:
        super().__init__()
        weight, bias = _by_output(layer, before)
        unit = _unit(layer, weight, bias, rectified=rectified)
        self.layer = copy.deepcopy(layer).requires_grad_(requires_grad=False)
        self.layer.weight.copy_(_as_kept(layer, torch.round(weight / unit[:, None, None, None])))
        self.layer.bias = nn.Parameter(torch.round(bias / unit).float(), requires_grad=False)
        self.register_buffer("shift", (unit / after).float()[:, None, None])
        self.least = 0.0 if rectify else -MOST

    def forward(self, maps: Tensor) -> Tensor:
        """Sums that are exact, and rounding that is."""
        return torch.clamp(torch.round(self.layer(maps) * self.shift), self.least, MOST)


def _by_output(layer: nn.Conv2d | nn.ConvTranspose2d, before: Tensor) -> tuple[Tensor, Tensor]:
    """Weights on whole inputs ``(outputs, inputs of a group, height, width)``, and the bias."""
    kept, groups = layer.weight.detach().double(), layer.groups
    if isinstance(layer, nn.ConvTranspose2d):
        parts = (kept * before[:, None, None, None]).unflatten(0, (groups, -1))
        weight = parts.transpose(1, 2).flatten(0, 1)
    else:
        parts = kept.unflatten(0, (groups, -1)) * before.unflatten(0, (groups, 1, -1))[..., None, None]
        weight = parts.flatten(0, 1)
    bias = weight.new_zeros(len(weight)) if layer.bias is None else layer.bias.detach().double()
    return weight, bias


def _as_kept(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor) -> Tensor:
    """The inverse of the reordering in :func:`_by_output`."""
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1)
    return weight.float()


def _unit(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, bias: Tensor, *, rectified: bool) -> Tensor:
    """Of each output the least power of two by which weights and bias may be counted."""
    found = torch.full_like(bias, 2.0**-60)
    while True:
        rounded, constant = torch.round(weight / found[:, None, None, None]), torch.round(bias / found)
        over = _largest_sum(layer, rounded, rectified=rectified) * MOST + constant.abs() >= LIMIT
        if not over.any():
            return found
        found[over] *= 2


def _largest_sum(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, *, rectified: bool) -> Tensor:
    """Of the weights that add up in one output value, at most: of one sign where no input is negative."""
    transposed = isinstance(layer, nn.ConvTranspose2d) and set(layer.dilation) == {1}
    down, across = layer.stride if transposed else (1, 1)  # a step apart, weights of a kernel meet the same input
    sums: list[Tensor] = []
    for row in range(int(down)):
        for column in range(int(across)):
            taps = weight[:, :, row :: int(down), column :: int(across)]
            positive, negative = (part.clamp(min=0).sum((1, 2, 3)) for part in (taps, -taps))
            sums.append(torch.maximum(positive, negative) if rectified else positive + negative)
    return torch.stack(sums).amax(0)
