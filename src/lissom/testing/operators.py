"""Small layers of every kind of operator, to build random networks from: who adds a rule adds a layer here.

Each takes a width (a multiple of four) and gives a layer and the width that comes out. Pictures are (batch, width,
4, 4), lines (batch, width, 8), volumes (batch, width, 2, 4, 4), tokens (batch, 6, width).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

Kinds = Mapping[str, Callable[[int], tuple[nn.Module, int]]]


class Apply(nn.Module):
    """A function over named layers and parameters, as one layer."""

    def __init__(self, function: Callable[[Any, Any], Tensor], **parts: nn.Module | nn.Parameter) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


class Turned(nn.Module):
    """A linear layer with its weight the other way round, as the Conv1D of GPT-2."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.outside = outside
        self.weight, self.bias = raw(inside, outside), raw(outside)

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, x.reshape(-1, x.size(-1)), self.weight).view(*x.shape[:-1], self.outside)


class Standardised(nn.Conv2d):
    """Its weight is brought to mean 0 and variance 1, channel by channel, by a batch norm, as in timm."""

    def forward(self, input: Tensor) -> Tensor:
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(flat, None, None, training=True, momentum=0.0).reshape_as(self.weight)
        return self._conv_forward(input, weight, self.bias)


def raw(*shape: int) -> nn.Parameter:
    """A parameter that belongs to no layer."""
    return nn.Parameter(torch.randn(shape))


def conv(inside: int, outside: int, **more: Any) -> nn.Conv2d:
    """A 3x3 convolution that keeps the picture's size."""
    return nn.Conv2d(inside, outside, 3, padding=1, **more)


def shuffled(x: Tensor, groups: int) -> Tensor:
    """The channels of ``groups`` parts dealt out in turn."""
    n, c, *space = x.shape
    return x.reshape(n, groups, c // groups, *space).transpose(1, 2).reshape(n, c, *space)


def halves(x: Tensor) -> Tensor:
    """One half gated by the other."""
    one, two = x.chunk(2, 1)
    return one * torch.tanh(two)


def attend(m: Any, x: Tensor, heads: int) -> Tensor:
    """Attention with one projection for queries, keys and values."""
    n, t, c = x.shape
    q, k, v = m.qkv(x).reshape(n, t, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    weights = torch.softmax(q @ k.transpose(-2, -1) * 0.3, -1)
    return x + m.out((weights @ v).transpose(1, 2).reshape(n, t, c))


def biased(m: Any, x: Tensor) -> Tensor:
    """Attention with separate projections and a bias for every head and distance."""
    n, t, _ = x.shape
    q, k, v = (layer(x).view(n, t, 4, 3).transpose(1, 2) for layer in (m.q, m.k, m.v))
    places = torch.arange(t)
    bias = m.table[places[:, None] - places + t - 1].permute(2, 0, 1)
    o = F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    return x + m.o(o.transpose(1, 2).reshape(n, t, 12))


def grouped_queries(m: Any, x: Tensor) -> Tensor:
    """Four heads of queries that share two of keys and values, turned by their place."""
    n, t, _ = x.shape
    q, k, v = (layer(x).view(n, t, -1, 4).transpose(1, 2) for layer in (m.q, m.k, m.v))
    k, v = (s[:, :, None].expand(n, 2, 2, t, 4).reshape(n, 4, t, 4) for s in (k, v))
    o = F.scaled_dot_product_attention(rotated(q), rotated(k), v)
    return x + m.o(o.transpose(1, 2).flatten(2))


def rotated(x: Tensor) -> Tensor:
    """Rotary places: pairs of cells are turned by an angle that grows with the place."""
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * torch.tensor([1.0, 0.1], dtype=x.dtype)
    cos, sin = (torch.cat([f(angle), f(angle)], -1) for f in (torch.cos, torch.sin))
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def turned_pairs(x: Tensor) -> Tensor:
    """Rotary places of neighbouring cells: every second one is told from those between by its number."""
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None]
    turned = torch.stack([-x[..., 1::2], x[..., ::2]], -1).reshape(x.shape)
    return x * torch.cos(angle) + turned * torch.sin(angle)


def of_unit_length(m: Any, x: Tensor) -> Tensor:
    """Attention by the angles between queries and keys."""
    n, t, _ = x.shape
    q, k, v = (layer(x).view(n, t, 4, 3).transpose(1, 2) for layer in (m.q, m.k, m.v))
    weights = torch.softmax(F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1) * m.scale, -1)
    return x + m.o((weights @ v).permute(0, 2, 1, 3).contiguous().view(n, t, 12))


PICTURES: Kinds = {
    "conv": lambda c: (conv(c, c + 4), c + 4),
    "norm": lambda c: (nn.Sequential(nn.BatchNorm2d(c), nn.ReLU()), c),
    "group norm": lambda c: (nn.GroupNorm(4, c), c),
    "instance norm": lambda c: (nn.InstanceNorm2d(c, affine=True), c),
    "layer norm": lambda c: (Apply(lambda m, x: m.n(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), n=nn.LayerNorm(c)), c),
    "prelu": lambda c: (nn.PReLU(c), c),
    "depthwise": lambda c: (conv(c, 2 * c, groups=c), 2 * c),
    "grouped": lambda c: (conv(c, c, groups=4), c),
    "residual": lambda c: (Apply(lambda m, x: x + m.b(torch.relu(m.a(x))), a=conv(c, c), b=conv(c, c)), c),
    "called twice": lambda c: (Apply(lambda m, x: m.a(torch.relu(m.a(x))), a=conv(c, c)), c),
    "concat": lambda c: (Apply(lambda m, x: torch.cat([m.a(x), x], 1), a=conv(c, 4)), c + 4),
    "gate": lambda c: (Apply(lambda m, x: x * torch.sigmoid(m.a(x.mean((2, 3), keepdim=True))),
                             a=nn.Conv2d(c, c, 1)), c),
    "halves": lambda c: (Apply(lambda m, x: halves(m.a(x)), a=conv(c, 2 * c)), c),
    "glu": lambda c: (nn.Sequential(conv(c, 16), nn.GLU(1)), 8),
    "shuffle": lambda c: (Apply(lambda m, x: shuffled(x, 2)), c),
    "slice": lambda c: (Apply(lambda m, x: torch.cat([x[:, 1:3], m.a(x[:, 2:])], 1), a=conv(c - 2, 6)), 8),
    "up": lambda c: (nn.Sequential(nn.ConvTranspose2d(c, 8, 2, 2), nn.AvgPool2d(2)), 8),
    "grouped up": lambda c: (nn.Sequential(nn.ConvTranspose2d(c, 8, 2, 2, groups=2), nn.AvgPool2d(2)), 8),
    "pixels": lambda c: (nn.Sequential(conv(c, 16), nn.PixelShuffle(2), nn.MaxPool2d(2), conv(4, 8)), 8),
    "unfolded": lambda c: (Apply(lambda m, x: m.a(F.unfold(x, 3, padding=1).unflatten(-1, x.shape[2:])),
                                 a=nn.Conv2d(9 * c, 8, 1)), 8),
    "folded": lambda c: (Apply(lambda m, x: F.fold(m.a(x).flatten(2), x.shape[2:], 2, stride=2),
                               a=nn.Conv2d(c, 32, 2, 2)), 8),
    "channel mean": lambda c: (Apply(lambda m, x: x * torch.sigmoid(x.mean(1, keepdim=True))), c),
    "scale": lambda c: (Apply(lambda m, x: x * m.w.reshape(1, -1, 1, 1), w=raw(c)), c),
    "weight norm": lambda c: (weight_norm(conv(c, c + 4)), c + 4),
    "standardised": lambda c: (Standardised(c, 8, 3, padding=1), 8),
}  # fmt: skip
LINES: Kinds = {
    "conv": lambda c: (nn.Conv1d(c, c + 4, 3, padding=1), c + 4),
    "grouped": lambda c: (nn.Conv1d(c, c, 3, padding=1, groups=2), c),
    "depthwise": lambda c: (nn.Conv1d(c, c, 3, padding=1, groups=c), c),
    "norm": lambda c: (nn.Sequential(nn.BatchNorm1d(c), nn.PReLU(c)), c),
    "up": lambda c: (nn.Sequential(nn.ConvTranspose1d(c, 8, 2, 2), nn.MaxPool1d(2)), 8),
    "weight norm of kernels": lambda c: (weight_norm(nn.Conv1d(c, c, 3, padding=1), dim=2), c),
    "glu": lambda c: (nn.Sequential(nn.Conv1d(c, 16, 1), nn.GLU(1)), 8),
}  # fmt: skip
VOLUMES: Kinds = {
    "conv": lambda c: (nn.Conv3d(c, c + 4, 3, padding=1), c + 4),
    "depthwise": lambda c: (nn.Conv3d(c, c, 1, groups=c), c),
    "norm": lambda c: (nn.Sequential(nn.BatchNorm3d(c), nn.PReLU(c)), c),
    "instance norm": lambda c: (nn.InstanceNorm3d(c, affine=True), c),
    "up": lambda c: (nn.Sequential(nn.ConvTranspose3d(c, 8, 2, 2), nn.AvgPool3d(2)), 8),
}  # fmt: skip
TOKENS: Kinds = {
    "linear": lambda c: (nn.Linear(c, c + 4), c + 4),
    "turned": lambda c: (Turned(c, c + 4), c + 4),
    "norm": lambda c: (nn.LayerNorm(c), c),
    "rms norm": lambda c: (nn.RMSNorm(c, eps=1e-6), c),
    "rms norm by hand": lambda c: (Apply(
        lambda m, x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * m.w, w=raw(c)), c),
    "unit length": lambda c: (Apply(lambda m, x: F.normalize(m.a(x), dim=-1), a=nn.Linear(c, c)), c),
    "mlp": lambda c: (Apply(lambda m, x: x + m.b(F.gelu(m.a(x))), a=nn.Linear(c, 12), b=nn.Linear(12, c)), c),
    "gated mlp": lambda c: (Apply(lambda m, x: x + m.b(F.glu(m.a(x))), a=nn.Linear(c, 16), b=nn.Linear(8, c)), c),
    "shared mlp": lambda c: (Apply(lambda m, x: x + m.a(F.gelu(m.a(x))), a=nn.Linear(c, c)), c),
    "tied": lambda c: (Apply(lambda m, x: x + F.linear(torch.relu(m.a(x)), m.a.weight.t()), a=nn.Linear(c, 12)), c),
    "attention": lambda c: (Apply(lambda m, x: attend(m, x, 4), qkv=nn.Linear(c, 3 * c), out=nn.Linear(c, c)), c),
    "attention with biases": lambda c: (Apply(
        biased, q=nn.Linear(c, 12), k=nn.Linear(c, 12), v=nn.Linear(c, 12), o=nn.Linear(12, c), table=raw(11, 4)), c),
    "grouped queries": lambda c: (Apply(
        grouped_queries, q=nn.Linear(c, 16), k=nn.Linear(c, 8), v=nn.Linear(c, 8), o=nn.Linear(16, c)), c),
    "pairs of places": lambda c: (Apply(
        lambda m, x: m.o(turned_pairs(m.a(x))), a=nn.Linear(c, 8), o=nn.Linear(8, c)), c),
    "cosine attention": lambda c: (Apply(
        of_unit_length, q=nn.Linear(c, 12), k=nn.Linear(c, 12), v=nn.Linear(c, 12), o=nn.Linear(12, c),
        scale=raw(4, 1, 1)), c),
    "torch's attention": lambda c: (Apply(
        lambda m, x: x + m.a(x, x, x, need_weights=False)[0], a=nn.MultiheadAttention(c, 4, batch_first=True)), c),
    "mixer": lambda c: (Apply(lambda m, x: x + m.b(torch.relu(m.a(x.transpose(1, 2)))).transpose(1, 2),
                              a=nn.Linear(6, 10), b=nn.Linear(10, 6)), c),
    "places": lambda c: (Apply(lambda m, x: x + m.places[: x.shape[1]], places=raw(9, c)), c),
    "first token": lambda c: (Apply(lambda m, x: torch.cat([m.token.expand(len(x), 1, -1), x], 1)[:, :6],
                                    token=raw(1, 1, c)), c),
    "lstm": lambda c: (Apply(lambda m, x: m.r(x)[0], r=nn.LSTM(c, 8, batch_first=True)), 8),
    "gru both ways": lambda c: (Apply(lambda m, x: m.r(x)[0],
                                      r=nn.GRU(c, 4, 2, batch_first=True, bidirectional=True)), 8),
    "conv1d": lambda c: (Apply(lambda m, x: m.a(x.transpose(1, 2)).transpose(1, 2),
                               a=nn.Conv1d(c, c, 3, padding=1, groups=2)), c),
}  # fmt: skip


def _flat(m: Any, x: Tensor) -> Tensor:
    return x.flatten(2).mean(-1)


def _averaged(m: Any, x: Tensor) -> Tensor:
    return x.mean(1)


# what goes in, what comes first, the layers between, what comes last before three outputs
FAMILIES: Mapping[str, tuple[Callable[[], Tensor], Callable[[], nn.Module], Kinds, Callable[[Any, Any], Tensor]]] = {
    "pictures": (lambda: torch.randn(2, 3, 4, 4), lambda: conv(3, 8), PICTURES, _flat),
    "lines": (lambda: torch.randn(2, 3, 8), lambda: nn.Conv1d(3, 8, 1), LINES, _flat),
    "volumes": (lambda: torch.randn(1, 3, 2, 4, 4), lambda: nn.Conv3d(3, 8, 1), VOLUMES, _flat),
    "tokens": (lambda: torch.randn(2, 6, 5), lambda: nn.Linear(5, 8), TOKENS, _averaged),
    "words": (lambda: torch.randint(0, 11, (2, 6)), lambda: nn.Embedding(11, 8), TOKENS, _averaged),
}


def network(family: str, names: Sequence[str]) -> tuple[nn.Module, Tensor]:
    """A network of the layers called ``names``, and an input for it."""
    inputs, first, kinds, last = FAMILIES[family]
    layers, width = [first()], 8
    for name in names:
        layer, width = kinds[name](width)
        layers.append(layer)
    return nn.Sequential(*layers, Apply(last), nn.Linear(width, 3)), inputs()
