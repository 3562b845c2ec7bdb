"""Attention of every kind: what the groups are, and that heads stay whole or equal."""

import pytest
import torch
from torch import nn

from lissom.graph import capture, couple, prune, verify


class Attention(nn.Module):
    """Separate projections; keys and values may have fewer heads."""

    def __init__(self, width=24, heads=4, pairs=4, size=6):
        super().__init__()
        self.heads, self.pairs, self.size = heads, pairs, size
        self.q, self.k = nn.Linear(width, heads * size), nn.Linear(width, pairs * size)
        self.v, self.o = nn.Linear(width, pairs * size), nn.Linear(heads * size, width)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        n, t, _ = x.shape
        q = self.q(x).view(n, t, self.heads, self.size).transpose(1, 2)
        k, v = (p(x).view(n, t, self.pairs, self.size).transpose(1, 2) for p in (self.k, self.v))
        k, v = (s.repeat_interleave(self.heads // self.pairs, 1) for s in (k, v))
        weights = (q @ k.transpose(-2, -1) / 6**0.5).softmax(-1)
        return self.head(x + self.o((weights @ v).transpose(1, 2).reshape(n, t, -1)))


class Fused(nn.Module):
    """One projection for queries, keys and values, with a bias per head and position."""

    def __init__(self, width=24, heads=4):
        super().__init__()
        self.heads = heads
        self.inside, self.qkv, self.o = nn.Linear(5, width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.randn(heads, 7, 7))
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.inside(x)
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * 0.4 + self.bias).softmax(-1)
        return self.head(x + self.o((weights @ v).transpose(1, 2).reshape(n, t, c)))


def kinds(coupling):
    return [(g.kind, g.units) for g in coupling.groups]


def proven(model, coupling, removed, *args):
    cut = coupling.cut(removed)
    pruned = prune(model, cut, capture=coupling.capture)
    result = verify(model, pruned.module, cut, args)
    assert result.ok, result
    return pruned, cut


X = torch.randn(2, 7, 24)


def test_heads_and_head_sizes_are_groups():
    coupling = couple(capture(Attention(), (X,)))
    assert sorted(kinds(coupling)) == [("head size", 6), ("head size", 6), ("heads", 4)]
    heads = next(g for g in coupling.groups if g.kind == "heads")
    assert {m.indices.shape[1] for m in heads.members if m.name.endswith("weight")} == {6}
    assert len(heads.overlaps) == 2
    assert "attention heads" in str(heads)


def test_a_removed_head_is_whole():
    model = Attention()
    coupling = couple(capture(model, (X,)))
    heads = next(g.index for g in coupling.groups if g.kind == "heads")
    pruned, cut = proven(model, coupling, {heads: [1]}, X)
    assert cut.kept["q.weight"][0] == (*range(6), *range(12, 24)) == cut.kept["o.weight"][1]
    assert pruned.own_class and pruned.module.heads == 3 == pruned.module.pairs


def test_head_sizes_of_keys_and_values_are_free_of_each_other():
    model = Attention()
    coupling = couple(capture(model, (X,)))
    keys = next(g for g in coupling.groups if g.kind == "head size" and any(m.name == "k.weight" for m in g.members))
    pruned, cut = proven(model, coupling, {keys.index: [0, 5]}, X)
    assert len(cut.kept["q.weight"][0]) == 16 == len(cut.kept["k.weight"][0])
    assert "v.weight" not in cut.kept


def test_heads_and_head_sizes_can_be_cut_together():
    model = Attention()
    coupling = couple(capture(model, (X,)))
    removed = {g.index: [0, 1] for g in coupling.groups}
    _, cut = proven(model, coupling, removed, X)
    assert len(cut.kept["q.weight"][0]) == 2 * 4


def test_grouped_queries_lose_a_pair_with_all_its_heads():
    model = Attention(pairs=2)
    coupling = couple(capture(model, (X,)))
    heads = next(g for g in coupling.groups if g.kind == "heads")
    assert heads.units == 2
    _, cut = proven(model, coupling, {heads.index: [0]}, X)
    assert cut.kept["q.weight"][0] == tuple(range(12, 24)) and cut.kept["k.weight"][0] == tuple(range(6, 12))


def test_fused_projections_keep_the_same_heads_in_all_three_parts():
    model, x = Fused(), torch.randn(2, 7, 5)
    coupling = couple(capture(model, (x,)))
    heads = next(g for g in coupling.groups if g.kind == "heads")
    _, cut = proven(model, coupling, {heads.index: [2]}, x)
    stay = [*range(12), *range(18, 24)]
    assert cut.kept["qkv.weight"][0] == tuple(p * 24 + i for p in range(3) for i in stay)
    assert cut.kept["bias"][0] == (0, 1, 3)


@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_a_torch_encoder_layer(cutting, ratio):
    model = nn.Sequential(nn.Linear(5, 16), nn.TransformerEncoderLayer(16, 4, 24, batch_first=True), nn.Linear(16, 2))
    pruned, verification, coupling = cutting(model, torch.randn(2, 6, 5), ratio=ratio)
    assert verification.ok, verification
    assert not coupling.unknown
    assert {"channels", "heads", "head size"} == {g.kind for g in coupling.groups}


def test_the_scale_of_attention_stays_that_of_the_original(cutting):
    class Scaled(Attention):
        def forward(self, x):
            n, t, _ = x.shape
            q, k, v = (p(x).view(n, t, 4, -1).transpose(1, 2) for p in (self.q, self.k, self.v))
            o = nn.functional.scaled_dot_product_attention(q, k, v)
            return self.head(x + self.o(o.transpose(1, 2).flatten(2)))

    model = Scaled()
    coupling = couple(capture(model, (X,)))
    keys = next(g for g in coupling.groups if g.kind == "head size" and any(m.name == "k.weight" for m in g.members))
    pruned, _ = proven(model, coupling, {keys.index: [0, 1, 2]}, X)
    assert not pruned.own_class and "scales attention by the size of a head" in pruned.notes[0]


class LaidOut(Attention):
    """Views what attention puts out without a copy, where it is laid out so that it can."""

    def forward(self, x):
        n, t, _ = x.shape
        q, k, v = (p(x).view(n, t, self.heads, self.size).transpose(1, 2) for p in (self.q, self.k, self.v))
        out = nn.functional.scaled_dot_product_attention(q, k, v).permute(0, 2, 1, 3).contiguous()
        return self.head(x + self.o(out.view(n, t, self.heads * self.size)))


def test_what_attention_puts_out_may_be_laid_out_in_another_way_after_the_cut(cutting):
    pruned, verification, _ = cutting(LaidOut(), X)
    assert verification.ok, verification
    assert not pruned.own_class
    pruned.module.train()(X).sum().backward()
