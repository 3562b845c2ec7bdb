"""A wrong rule must not go unnoticed: each is broken in turn, and the verifier or the cut has to say so."""

import pytest
import torch
from torch import nn

from lissom.graph import capture, couple, prune, verify
from lissom.graph.maps import Map, Maps, take
from lissom.graph.rules import load_rules
from lissom.graph.rules.table import RESIZES, RULES

load_rules()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 1), nn.Conv2d(3, 8, 1), nn.Conv2d(16, 8, 1, groups=4)
        self.norm, self.pre = nn.BatchNorm2d(8), nn.LayerNorm(8)
        self.deep, self.inner = nn.Conv2d(8, 8, 1, groups=8), nn.Sequential(nn.Linear(8, 12), nn.LayerNorm(12))
        self.outer = nn.Linear(12, 8)
        self.q, self.k, self.v, self.o = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x):
        x = torch.cat([torch.relu(self.deep(self.norm(self.a(x)))), self.b(x)], 1)
        x = self.pre((self.c(x) * 2).flatten(2).transpose(1, 2))
        x = x + self.outer(self.inner(x))
        n, t, c = x.shape
        q, k, v = (p(x).view(n, t, 2, 4).permute(0, 2, 1, 3) for p in (self.q, self.k, self.v))
        x = (q @ k.transpose(2, 3)).softmax(-1) @ v
        return self.o(x.transpose(1, 2).reshape(n, t, 8))


def noticed(removal):
    """Whether anything speaks up when the network is cut by the rules as they are now."""
    return any(_noticed(removal, seed) for seed in range(3))


def _noticed(removal, seed):
    torch.manual_seed(seed)
    model, x = Net(), torch.randn(2, 3, 3, 3)
    try:
        captured = capture(model, (x,))
        coupling = couple(captured)
        cut = coupling.cut(removal(coupling, 0.5, seed))
        pruned = prune(model, cut, capture=captured)
    except Exception:
        return True
    return not verify(model, pruned.module, cut, (x,)).ok


def new_tags(call):
    """Forget where the tags came from."""
    shapes = call.shapes if isinstance(call.node.meta["val"], (list, tuple)) else [call.shape]
    fresh = [Maps(s, {d: Map((), call.tags.new(n)) for d, n in enumerate(s) if n > 1}) for s in shapes]
    return fresh if isinstance(call.node.meta["val"], (list, tuple)) else fresh[0]


def backwards(rule):
    """The right tags in the wrong order along the last tagged dimension."""

    def wrong(call):
        maps = rule(call)
        for dim in sorted(maps.at, reverse=True):
            return take(maps, dim, torch.arange(maps.shape[dim] - 1, -1, -1).numpy())
        return maps

    return wrong


def test_the_right_rules_are_right(removal):
    assert not noticed(removal)


@pytest.mark.parametrize(
    "name", ["conv2d", "cat", "batch_norm", "layer_norm", "linear", "reshape", "permute", "matmul"]
)
def test_a_rule_that_forgets_is_noticed(name, removal, monkeypatch):
    monkeypatch.setitem(RULES, name, new_tags)
    assert noticed(removal)


@pytest.mark.parametrize("name", ["conv2d", "cat", "batch_norm", "layer_norm", "linear"])
def test_a_rule_that_mixes_up_order_is_noticed(name, removal, monkeypatch):
    monkeypatch.setitem(RULES, name, backwards(RULES[name]))
    assert noticed(removal)


@pytest.mark.parametrize("name", ["softmax", "cat", "batch_norm", "layer_norm"])
def test_a_rule_that_only_passes_on_is_noticed_or_harmless(name, removal, monkeypatch):
    def first(call):
        nodes = call.args.get("tensors") or call.node.all_input_nodes
        return call.of(nodes[0])

    monkeypatch.setitem(RULES, name, first)
    assert noticed(removal) or name == "softmax"


@pytest.mark.parametrize("name", ["reshape", "conv2d", "layer_norm"])
def test_sizes_that_are_not_rewritten_are_noticed(name, removal, monkeypatch):
    monkeypatch.delitem(RESIZES, name)
    assert noticed(removal)
