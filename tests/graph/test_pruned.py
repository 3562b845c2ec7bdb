"""Every kind of layer and connection that convolutional networks are made of, cut at random and proven."""

import copy

import pytest
import torch
from torch import fx, nn

from lissom.core.errors import LissomError
from lissom.graph import Cut, capture, couple, prune, verify


class Wrapped(nn.Module):
    """Layers and a function that connects them."""

    def __init__(self, connect, **layers):
        super().__init__()
        self.connect = connect
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.connect(self, x)


def conv(a, b, **more):
    return nn.Conv2d(a, b, 3, padding=1, **more)


def head(width):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5))


class Gate(nn.Module):
    def __init__(self, width, inside):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, inside, 1), nn.Conv2d(inside, width, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3), keepdim=True)))))


def shuffle(x, groups):
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


def frozen_norm(m, x):
    scale = m.norm.weight * (m.norm.running_var + 1e-5).rsqrt()
    return m.b((m.a(x) * scale.reshape(1, -1, 1, 1)) - m.norm.running_mean.reshape(1, -1, 1, 1)).mean((2, 3))


NETWORKS = {
    "plain": lambda: nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 12), head(12)),
    "flatten": lambda: nn.Sequential(conv(3, 8), nn.PReLU(8), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(32, 6)),
    "depthwise": lambda: nn.Sequential(conv(3, 8), conv(8, 8, groups=8), conv(8, 16, groups=8), conv(16, 8), head(8)),
    "grouped": lambda: nn.Sequential(conv(3, 12), conv(12, 18, groups=3), nn.BatchNorm2d(18), conv(18, 8), head(8)),
    "grouped twice": lambda: nn.Sequential(
        conv(3, 12), conv(12, 12, groups=3), conv(12, 12, groups=2), conv(12, 8), head(8)
    ),
    "concat": lambda: Wrapped(
        lambda m, x: m.c(torch.cat([m.a(x), torch.relu(m.b(x)), m.a(x)], 1)),
        a=conv(3, 6), b=conv(3, 8), c=nn.Sequential(conv(20, 6), head(6)),
    ),
    "gate": lambda: nn.Sequential(conv(3, 8), Gate(8, 4), conv(8, 8), head(8)),
    "split": lambda: Wrapped(
        lambda m, x: (lambda p: m.c(p[0] * torch.sigmoid(p[1])))(m.a(x).chunk(2, 1)),
        a=conv(3, 16), c=nn.Sequential(conv(8, 6), head(6)),
    ),
    "glu": lambda: nn.Sequential(conv(3, 16), nn.GLU(1), conv(8, 6), head(6)),
    "unequal split": lambda: Wrapped(
        lambda m, x: (lambda p: m.b(p[0]).mean((2, 3)) + m.c(p[1]).mean((2, 3)))(m.a(x).split([6, 10], 1)),
        a=conv(3, 16), b=conv(6, 4), c=conv(10, 4),
    ),
    "slice": lambda: Wrapped(lambda m, x: m.b(m.a(x)[:, 2:9]).mean((2, 3)), a=conv(3, 12), b=conv(7, 4)),
    "shuffle": lambda: Wrapped(lambda m, x: m.b(shuffle(m.a(x), 2)), a=conv(3, 12), b=nn.Sequential(conv(12, 6), head(6))),
    "channel shuffle": lambda: nn.Sequential(conv(3, 12), nn.ChannelShuffle(3), conv(12, 6), head(6)),
    "pixel shuffle": lambda: nn.Sequential(conv(3, 16), nn.PixelShuffle(2), conv(4, 6), head(6)),
    "pixel unshuffle": lambda: nn.Sequential(conv(3, 4), nn.PixelUnshuffle(2), conv(16, 6), head(6)),
    "transposed": lambda: nn.Sequential(
        conv(3, 8), nn.ConvTranspose2d(8, 12, 2, 2), nn.ConvTranspose2d(12, 8, 2, 2, groups=2), conv(8, 6), head(6)
    ),
    "group norm": lambda: nn.Sequential(conv(3, 12), nn.GroupNorm(3, 12), conv(12, 8), nn.GroupNorm(1, 8), head(8)),
    "instance norm": lambda: nn.Sequential(conv(3, 8), nn.InstanceNorm2d(8, affine=True), conv(8, 6), head(6)),
    "frozen norm": lambda: Wrapped(frozen_norm, a=conv(3, 8), norm=nn.BatchNorm2d(8), b=conv(8, 4)),
    "shared": lambda: Wrapped(lambda m, x: m.h(m.b(m.b(m.a(x)))), a=conv(3, 8), b=conv(8, 8), h=head(8)),
    "one channel": lambda: Wrapped(lambda m, x: m.h(m.a(x) * m.b(x)), a=conv(3, 8), b=conv(3, 1), h=head(8)),
    "pad and pool": lambda: nn.Sequential(conv(3, 8), nn.ZeroPad2d(1), nn.MaxPool2d(2), nn.Upsample(scale_factor=2), head(8)),
    "padded channels": lambda: Wrapped(
        lambda m, x: m.h(nn.functional.pad(m.a(x), (0, 0, 0, 0, 2, 2)) + m.b(x)), a=conv(3, 4), b=conv(3, 8), h=head(8)
    ),
}  # fmt: skip
PINNED = {"padded channels"}


@pytest.mark.parametrize("name", NETWORKS)
def test_pruned_equals_masked_original(name, cutting, count, picture):
    model = NETWORKS[name]()
    before = count(model)
    for seed in range(3):
        pruned, verification, coupling = cutting(model, picture, seed=seed)
        assert verification.ok, f"{verification}\n{coupling}"
        assert not coupling.unknown
        if name not in PINNED:
            assert count(pruned.module) < 0.8 * before, str(coupling)
    assert count(model) == before


def test_own_class_keeps_type_and_attributes(small, cutting, picture):
    pruned, verification, _ = cutting(small, picture)
    assert pruned.own_class and type(pruned.module) is type(small)
    assert pruned.module.stem.out_channels == 4 == pruned.module.stem.weight.shape[0]
    assert pruned.module.head.in_features == 128
    assert verification.error < 1e-12


def test_training_mode_is_kept(small, cutting, picture):
    small.train()
    small.body[0].bn1.eval()
    pruned, _, _ = cutting(small, picture)
    assert small.training and not small.body[0].bn1.training
    assert pruned.module.training


class Fixed(nn.Module):
    """Its forward has a size written into it."""

    def __init__(self):
        super().__init__()
        self.a, self.norm, self.drop, self.b = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)

    def forward(self, x):
        return self.b(self.drop(self.norm(self.a(x)).reshape(-1, 8)))


def test_a_graph_is_delivered_where_the_class_cannot_express_it(cutting):
    model, x = Fixed(), torch.randn(4, 6)
    pruned, verification, _ = cutting(model, x)
    assert verification.ok and not pruned.own_class
    assert isinstance(pruned.module, fx.GraphModule)
    assert "reshape" in pruned.notes[0] or "shape" in pruned.notes[0]
    assert set(dict(pruned.module.named_parameters())) == set(dict(model.named_parameters()))


def test_a_delivered_graph_trains(cutting):
    pruned, _, _ = cutting(Fixed(), torch.randn(4, 6))
    graph = pruned.module.train()
    x = torch.randn(4, 6)
    mean = graph.norm.running_mean.clone()
    assert not torch.equal(graph(x), graph(x)), "dropout is on"
    assert not torch.equal(mean, graph.norm.running_mean), "statistics move"
    optimizer = torch.optim.SGD(graph.parameters(), 0.1)
    losses = []
    for _ in range(30):
        loss = graph.eval()(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert torch.equal(graph(x), graph(x))


class Helped(nn.Module):
    """Reads an auxiliary head while it trains, as GoogLeNet does; ``wanted`` is how many rows that head needs."""

    def __init__(self, wanted=1):
        super().__init__()
        self.wanted = wanted
        self.a, self.norm, self.b, self.auxiliary = (
            nn.Linear(6, 8),
            nn.BatchNorm1d(8),
            nn.Linear(8, 3),
            nn.Linear(8, 3),
        )

    def forward(self, x):
        x = torch.relu(self.norm(self.a(x)))
        if not self.training:
            return self.b(x)
        if len(x) < self.wanted:
            raise ValueError("too small")
        return self.b(x), self.auxiliary(x)


def test_a_graph_that_trains_is_delivered_where_training_reads_what_was_not_cut(cutting):
    pruned, verification, _ = cutting(Helped(), torch.randn(1, 6))
    assert verification.ok and not pruned.own_class
    assert "in training its forward reads layers that evaluation does not" in pruned.notes[0]
    assert pruned.module.train()(torch.randn(4, 6)).shape == (4, 3)


def test_a_class_that_did_not_train_before_the_cut_either_is_kept(cutting):
    assert cutting(Helped(wanted=9), torch.randn(1, 6))[0].own_class


def test_another_architecture_is_refused(small, picture):
    coupling = couple(capture(small, (picture,)))
    cut = coupling.cut({0: [0]})
    with pytest.raises(LissomError, match="another architecture"):
        prune(nn.Linear(2, 2), cut, args=(torch.randn(1, 2),))


def test_example_inputs_are_asked_for(small, picture):
    cut = couple(capture(small, (picture,))).cut({0: [0]})
    with pytest.raises(LissomError, match="example inputs"):
        prune(small, cut)


def test_an_empty_cut_changes_nothing(small, picture):
    pruned = prune(small, Cut({}, couple(capture(small, (picture,))).cut({}).architecture), args=(picture,))
    assert pruned.own_class
    assert verify(small, pruned.module, Cut({}, ""), (picture,)).ok
    assert torch.equal(pruned.module.eval()(picture), small.eval()(picture))


@pytest.mark.parametrize("name", ["grouped", "concat"])
def test_a_coupling_at_hand_gives_the_same_model(name, picture):
    torch.manual_seed(0)
    model = NETWORKS[name]().eval()
    coupling = couple(capture(model, (picture,)), keep=("0*",) if name == "grouped" else ())
    cut = coupling.cut({group.index: [0] for group in coupling.groups if not group.overlaps})
    one, other = prune(model, cut, coupling=coupling), prune(model, cut, args=(picture,))
    assert [p.shape for p in one.module.parameters()] == [p.shape for p in other.module.parameters()]
    assert torch.equal(one.module(picture), other.module(picture))
    assert one.attributes == other.attributes


def test_a_cut_of_what_the_coupling_keeps_is_refused(small, picture):
    captured = capture(small, (picture,))
    free = couple(captured)
    kept = couple(captured, keep=("*",))
    with pytest.raises(LissomError, match="has to stay"):
        prune(small, free.cut({0: [0]}), coupling=kept)


def test_a_cut_that_leaves_half_of_what_goes_together_is_refused(small, picture):
    coupling = couple(capture(small, (picture,)))
    cut = coupling.cut({0: [0]})
    name = next(iter(cut.kept))
    with pytest.raises(LissomError, match="is not what goes together"):
        prune(small, Cut({name: cut.kept[name]}, cut.architecture), coupling=coupling)


def test_a_coupling_goes_alone_and_with_its_own_model(small, picture):
    coupling = couple(capture(small, (picture,)))
    cut = coupling.cut({0: [0]})
    with pytest.raises(LissomError, match="not several"):
        prune(small, cut, coupling=coupling, args=(picture,))
    with pytest.raises(LissomError, match="of another model"):
        prune(copy.deepcopy(small), cut, coupling=coupling)


@pytest.mark.parametrize("units", ["0", [0.5], 1.5])
def test_units_are_whole_numbers(units, small, picture):
    with pytest.raises(LissomError, match="the units of group 0"):
        couple(capture(small, (picture,))).cut({0: units})


def test_a_cut_of_what_the_model_does_not_have_is_refused(small, picture):
    coupling = couple(capture(small, (picture,)))
    with pytest.raises(LissomError, match=r"zz\.weight"):
        prune(small, Cut({"zz.weight": {0: (0, 1)}}, coupling.cut({}).architecture), coupling=coupling)
