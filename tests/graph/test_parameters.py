"""Parameters of every kind: parametrised, raw, frozen, shared, unused; each network is cut at random and proven."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from lissom.graph import capture, couple, load, prune, save, verify


class Applied(nn.Module):
    """Layers and a function that connects them."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, nn.Parameter):
                self.register_parameter(name, part)
            elif isinstance(part, torch.Tensor):
                self.register_buffer(name, part)
            else:
                self.add_module(name, part)

    def forward(self, x):
        return self.function(self, x)


class Conv1D(nn.Module):
    """As in GPT-2: a linear layer with its weight the other way round."""

    def __init__(self, inside, outside):
        super().__init__()
        self.nf = outside
        self.weight, self.bias = nn.Parameter(torch.randn(inside, outside)), nn.Parameter(torch.randn(outside))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.size(-1)), self.weight).view(*x.shape[:-1], self.nf)


def raw(*shape):
    return nn.Parameter(torch.randn(*shape))


def tokens(m, x):
    """A class token in front, positions added, the token read at the end."""
    x = torch.cat([m.token.expand(len(x), -1, -1), m.embed(x)], 1) + m.positions
    return m.head((x + m.scale * m.inner(torch.relu(m.outer(m.norm(x)))))[:, 0])


def windowed(m, x):
    """A table of biases, looked up by pairs of places, for every head."""
    n, t, c = x.shape
    q, k, v = m.qkv(x).reshape(n, t, 3, 4, c // 4).permute(2, 0, 3, 1, 4)
    bias = m.table[m.index.view(-1)].view(t, t, -1).permute(2, 0, 1)
    weights = (q @ k.transpose(-2, -1) + bias).softmax(-1)
    return m.head(m.norm(x + m.out((weights @ v).transpose(1, 2).reshape(n, t, c))))


class Standardised(nn.Conv2d):
    """Its weight is brought to mean 0 and variance 1, channel by channel, by a batch norm (as timm's ScaledStdConv)."""

    def forward(self, x):
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = nn.functional.batch_norm(flat, None, None, training=True, momentum=0.0).reshape_as(self.weight)
        return nn.functional.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


def frozen(layer):
    return layer.requires_grad_(False)


PICTURE, LINE, VOLUME = (2, 3, 6, 6), (2, 3, 12), (1, 3, 4, 6, 6)
IN_A_GRAPH = {"table of biases"}  # its forward has the number of heads written into it
NETWORKS = {
    "weight norm": (PICTURE, lambda: nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.ReLU(), parametrizations.weight_norm(nn.Conv2d(8, 6, 1)),
        nn.Flatten(), parametrizations.weight_norm(nn.Linear(96, 2)))),
    "weight norm of kernels": (LINE, lambda: nn.Sequential(
        nn.Conv1d(3, 8, 1), parametrizations.weight_norm(nn.Conv1d(8, 8, 3, padding=1, groups=2), dim=2), nn.GELU(),
        nn.Conv1d(8, 2, 1))),
    "standardised": (PICTURE, lambda: nn.Sequential(
        Standardised(3, 8, 3), nn.ReLU(), Standardised(8, 12, 3, padding=1, groups=2), nn.ReLU(), nn.Conv2d(12, 2, 1))),
    "spectral norm": (PICTURE, lambda: nn.Sequential(
        parametrizations.spectral_norm(nn.Conv2d(3, 8, 3)), nn.ReLU(), nn.Conv2d(8, 2, 1))),
    "one-dimensional": (LINE, lambda: nn.Sequential(
        nn.Conv1d(3, 8, 3), nn.BatchNorm1d(8), nn.ReLU(), nn.ConvTranspose1d(8, 6, 2, 2), nn.MaxPool1d(2),
        nn.Conv1d(6, 2, 1))),
    "three-dimensional": (VOLUME, lambda: nn.Sequential(
        nn.Conv3d(3, 8, 3, padding=1), nn.BatchNorm3d(8), nn.PReLU(8), nn.Conv3d(8, 8, 1, groups=8), nn.AvgPool3d(2),
        nn.ConvTranspose3d(8, 6, 2, 2), nn.Conv3d(6, 2, 1))),
    "rms norm": (LINE, lambda: nn.Sequential(nn.Linear(12, 8), nn.RMSNorm(8), nn.Linear(8, 2))),
    "raw parameters": ((2, 5, 3), lambda: Applied(
        tokens, token=raw(1, 1, 8), positions=raw(1, 6, 8), scale=raw(8), embed=nn.Linear(3, 8), norm=nn.LayerNorm(8),
        outer=nn.Linear(8, 16), inner=nn.Linear(16, 8), head=nn.Linear(8, 2))),
    "table of biases": ((2, 4, 12), lambda: Applied(
        windowed, table=raw(9, 4), index=torch.randint(0, 9, (4, 4)), qkv=nn.Linear(12, 36), out=nn.Linear(12, 12),
        norm=nn.LayerNorm(12), head=nn.Linear(12, 2))),
    "conv1d of gpt-2": ((2, 5, 3), lambda: nn.Sequential(Conv1D(3, 8), nn.GELU(), Conv1D(8, 2))),
    "frozen": (PICTURE, lambda: nn.Sequential(frozen(nn.Conv2d(3, 8, 3)), nn.BatchNorm2d(8), nn.Conv2d(8, 2, 1))),
    "called twice": (PICTURE, lambda: (lambda conv: nn.Sequential(nn.Conv2d(3, 8, 1), conv, nn.ReLU(), conv,
                                                                 nn.Conv2d(8, 2, 1)))(nn.Conv2d(8, 8, 3, padding=1))),
    "tied": ((2, 5, 8), lambda: Applied(lambda m, x: nn.functional.linear(torch.relu(m.a(x)), m.a.weight.t()) + m.b(x),
                                        a=nn.Linear(8, 12), b=nn.Linear(8, 8))),
    "buffer of scales": (PICTURE, lambda: Applied(lambda m, x: m.b(m.a(x) * m.scale), a=nn.Conv2d(3, 8, 1),
                                                  b=nn.Conv2d(8, 2, 1), scale=torch.rand(1, 8, 1, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_pruned_equals_masked_original(name, cutting, count):
    shape, build = NETWORKS[name]
    model = build()
    for seed in range(2):
        pruned, verification, coupling = cutting(model, torch.randn(shape), seed=seed)
        assert verification.ok, f"{verification}\n{coupling}"
        assert not coupling.unknown
        assert count(pruned.module) < 0.8 * count(model), str(coupling)
        assert pruned.own_class == (name not in IN_A_GRAPH), pruned.notes
        frozen = [n for n, p in model.named_parameters() if not p.requires_grad]
        assert frozen == [n for n, p in pruned.module.named_parameters() if not p.requires_grad]


def test_parametrised_models_are_saved_and_loaded(tmp_path, removal):
    shape, build = NETWORKS["weight norm"]
    model, x = build(), torch.randn(shape)
    captured = capture(model, (x,))
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    pruned = prune(model, cut, capture=captured)
    save(tmp_path / "m", cut, pruned.module)
    assert torch.equal(load(tmp_path / "m", build)(x), pruned.module(x))


class Unused(nn.Module):
    """One layer is never called, one for nothing."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.never, self.vain = nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(8, 8), nn.Linear(8, 8)
        self.mask = nn.Parameter(torch.randn(1, 8))

    def forward(self, x):
        x = torch.relu(self.a(x))
        self.vain(x)
        return self.b(x)


def test_what_nothing_depends_on_stays_whole(cutting):
    model = Unused()
    pruned, verification, coupling = cutting(model, torch.randn(3, 4))
    assert verification.ok, verification
    assert [(g.name, g.units) for g in coupling.groups] == [("a", 8)]
    assert pruned.module.never.weight.shape == (8, 8) and pruned.module.mask.shape == (1, 8)


class Pooled(Unused):
    """Normalises and pools for nobody, as transformers do whose head reads all tokens."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x = torch.relu(self.a(x))
        self.vain(self.norm(x)[:, 0])
        self.norm(x).mean(1)
        return self.b(x)


def test_what_is_made_for_nobody_of_channels_that_others_read_is_cut_with_them(cutting):
    pruned, verification, coupling = cutting(Pooled(), torch.randn(3, 5, 4))
    assert verification.ok, verification
    assert pruned.own_class and [(g.name, g.units) for g in coupling.groups] == [("a", 8)]
    assert pruned.module.norm.weight.shape == (4,) and pruned.module.vain.weight.shape == (8, 4)


def test_only_what_is_used_of_a_model_is_a_group(removal):
    class Head(Unused):
        def forward(self, x):
            return self.b(torch.relu(self.a(x)))

    model, x = Head(), torch.randn(3, 4)
    coupling = couple(capture(model, (x,)))
    cut = coupling.cut(removal(coupling))
    assert set(cut.kept) == {"a.weight", "a.bias", "b.weight"}
    pruned = prune(model, cut, args=(x,))
    assert pruned.own_class and verify(model, pruned.module, cut, (x,)).ok


def test_the_rest_of_a_table_is_kept_for_longer_inputs(cutting):
    function = lambda m, x: m.head(m.embed(x) + m.positions[:, : x.shape[1]])  # noqa: E731, as the other networks are written
    model = Applied(function, positions=raw(1, 9, 8), embed=nn.Linear(3, 8), head=nn.Linear(8, 2))
    pruned, verification, coupling = cutting(model, torch.randn(2, 5, 3))
    assert verification.ok and [g.units for g in coupling.groups] == [8]
    assert pruned.module.positions.shape == (1, 9, 4)
    assert pruned.module(torch.randn(2, 9, 3)).shape == (2, 9, 2)


def test_parts_of_a_weight_that_are_all_read_can_go(cutting):
    function = lambda m, x: m.head(nn.functional.linear(x, m.w[:6]) * nn.functional.linear(x, m.w[6:]))  # noqa: E731
    model = Applied(function, w=raw(12, 3), head=nn.Linear(6, 2))
    pruned, verification, coupling = cutting(model, torch.randn(2, 3))
    assert verification.ok and pruned.module.head.weight.shape == (2, 3)
    assert [g.units for g in coupling.groups] == [6]
