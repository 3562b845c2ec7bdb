"""Random networks from all kinds of operators: whatever is removed, the pruned output equals the masked one."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn


class Apply(nn.Module):
    """A function over named layers, as one layer."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.function(self, x)


def shuffled(x, groups):
    n, c, *space = x.shape
    return x.reshape(n, groups, c // groups, *space).transpose(1, 2).reshape(n, c, *space)


def conv(a, b, **more):
    return nn.Conv2d(a, b, 3, padding=1, **more)


# Each takes a width (a multiple of four) and gives a layer and the width that comes out.
PICTURES = {
    "conv": lambda c: (conv(c, c + 4), c + 4),
    "norm": lambda c: (nn.Sequential(nn.BatchNorm2d(c), nn.ReLU()), c),
    "group norm": lambda c: (nn.GroupNorm(4, c), c),
    "layer norm": lambda c: (Apply(lambda m, x: m.n(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), n=nn.LayerNorm(c)), c),
    "depthwise": lambda c: (conv(c, 2 * c, groups=c), 2 * c),
    "grouped": lambda c: (conv(c, c, groups=4), c),
    "residual": lambda c: (Apply(lambda m, x: x + m.b(torch.relu(m.a(x))), a=conv(c, c), b=conv(c, c)), c),
    "concat": lambda c: (Apply(lambda m, x: torch.cat([m.a(x), x], 1), a=conv(c, 4)), c + 4),
    "gate": lambda c: (Apply(lambda m, x: x * torch.sigmoid(m.a(x.mean((2, 3), keepdim=True))), a=nn.Conv2d(c, c, 1)), c),
    "halves": lambda c: (Apply(lambda m, x: (lambda p: p[0] * torch.tanh(p[1]))(m.a(x).chunk(2, 1)), a=conv(c, 2 * c)), c),
    "shuffle": lambda c: (Apply(lambda m, x: shuffled(x, 2)), c),
    "slice": lambda c: (Apply(lambda m, x: torch.cat([x[:, 1:3], m.a(x[:, 2:])], 1), a=conv(c - 2, 6)), 8),
    "up": lambda c: (nn.Sequential(nn.ConvTranspose2d(c, 8, 2, 2), nn.AvgPool2d(2)), 8),
    "pixels": lambda c: (nn.Sequential(conv(c, 16), nn.PixelShuffle(2), nn.MaxPool2d(2), conv(4, 8)), 8),
    "channel mean": lambda c: (Apply(lambda m, x: x * torch.sigmoid(x.mean(1, keepdim=True))), c),
    "scale": lambda c: (Apply(lambda m, x: x * m.n.weight.reshape(1, -1, 1, 1), n=nn.LayerNorm(c, bias=False)), c),
}  # fmt: skip


def attend(m, x, heads):
    n, t, c = x.shape
    q, k, v = m.qkv(x).reshape(n, t, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
    weights = torch.softmax(q @ k.transpose(-2, -1) * 0.3, -1)
    return x + m.out((weights @ v).transpose(1, 2).reshape(n, t, c))


def grouped_queries(m, x):
    n, t, _ = x.shape
    q, k, v = (layer(x).view(n, t, -1, 4).transpose(1, 2) for layer in (m.q, m.k, m.v))
    k, v = (s[:, :, None].expand(n, 2, 2, t, 4).reshape(n, 4, t, 4) for s in (k, v))
    o = nn.functional.scaled_dot_product_attention(rotated(q), rotated(k), v)
    return x + m.o(o.transpose(1, 2).flatten(2))


def rotated(x):
    angle = torch.arange(x.shape[-2], dtype=x.dtype)[:, None] * torch.tensor([1.0, 0.1], dtype=x.dtype)
    cos, sin = (torch.cat([f(angle), f(angle)], -1) for f in (torch.cos, torch.sin))
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


TOKENS = {
    "linear": lambda c: (nn.Linear(c, c + 4), c + 4),
    "norm": lambda c: (nn.LayerNorm(c), c),
    "rms norm": lambda c: (Apply(lambda m, x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * m.n.weight,
                                 n=nn.LayerNorm(c, bias=False)), c),
    "mlp": lambda c: (Apply(lambda m, x: x + m.b(nn.functional.gelu(m.a(x))), a=nn.Linear(c, 12), b=nn.Linear(12, c)), c),
    "gated mlp": lambda c: (Apply(lambda m, x: x + m.b(nn.functional.glu(m.a(x))), a=nn.Linear(c, 16), b=nn.Linear(8, c)), c),
    "attention": lambda c: (Apply(lambda m, x: attend(m, x, 4), qkv=nn.Linear(c, 3 * c), out=nn.Linear(c, c)), c),
    "grouped queries": lambda c: (Apply(grouped_queries, q=nn.Linear(c, 16), k=nn.Linear(c, 8), v=nn.Linear(c, 8),
                                        o=nn.Linear(16, c)), c),
    "mixer": lambda c: (Apply(lambda m, x: x + m.b(torch.relu(m.a(x.transpose(1, 2)))).transpose(1, 2),
                              a=nn.Linear(6, 10), b=nn.Linear(10, 6)), c),
    "lstm": lambda c: (Apply(lambda m, x: m.r(x)[0], r=nn.LSTM(c, 8, batch_first=True)), 8),
    "conv1d": lambda c: (Apply(lambda m, x: m.a(x.transpose(1, 2)).transpose(1, 2), a=nn.Conv1d(c, c, 3, padding=1, groups=2)), c),
}  # fmt: skip


def network(kinds, names, first, width, last):
    layers, c = [first], width
    for name in names:
        layer, c = kinds[name](c)
        layers.append(layer)
    return nn.Sequential(*layers, last, nn.Linear(c, 3))


POOL = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(sorted(PICTURES)), min_size=1, max_size=5),
    st.integers(0, 99),
    st.sampled_from([0.2, 0.5, 0.8]),
)
def test_random_convolutional_networks(cutting, names, seed, ratio):
    torch.manual_seed(seed)
    model = network(PICTURES, names, conv(3, 8), 8, POOL)
    pruned, verification, coupling = cutting(model, torch.randn(2, 3, 4, 4), seed=seed, ratio=ratio)
    assert verification.ok, f"{names}: {verification}\n{coupling}"
    assert not coupling.unknown
    assert coupling.groups


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(sorted(TOKENS)), min_size=1, max_size=4),
    st.integers(0, 99),
    st.sampled_from([0.2, 0.5, 0.8]),
)
def test_random_token_networks(cutting, names, seed, ratio):
    torch.manual_seed(seed)
    model = network(TOKENS, names, nn.Linear(5, 8), 8, Apply(lambda m, x: x.mean(1)))
    pruned, verification, coupling = cutting(model, torch.randn(2, 6, 5), seed=seed, ratio=ratio)
    assert verification.ok, f"{names}: {verification}\n{coupling}"
    assert not coupling.unknown
    assert coupling.groups
