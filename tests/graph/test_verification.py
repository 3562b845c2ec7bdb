"""The verifier knows nothing of the coupling, so it must catch whatever the coupling gets wrong."""

import copy

import pytest
import torch
from torch import nn

from lissom.graph import Cut, capture, couple, prune, verify
from lissom.graph.cut import state
from lissom.graph.slicing import slice_state
from lissom.testing.operators import FAMILIES, network


@pytest.fixture
def cut(small, picture, removal):
    coupling = couple(capture(small, (picture,)))
    return coupling.cut(removal(coupling))


def shifted(cut, name, dim, size):
    """The same cut with one wrong index in one place."""
    places = list(cut.kept[name][dim])
    gone = sorted(set(range(size)) - set(places))
    places[0] = gone[0]
    kept = {n: dict(d) for n, d in cut.kept.items()}
    kept[name][dim] = tuple(sorted(places))
    return Cut(kept, cut.architecture)


def test_a_right_cut_is_right(small, picture, cut):
    result = verify(small, prune(small, cut, args=(picture,)).module, cut, (picture,))
    assert result.ok and result.error < 1e-12 and not result.where


@pytest.mark.parametrize("name, dim", [("stem.weight", 0), ("body.0.conv1.weight", 1), ("body.0.bn2.running_mean", 0),
                                       ("body.1.short.bias", 0), ("head.weight", 1)])  # fmt: skip
def test_a_single_wrong_index_is_noticed(small, picture, cut, name, dim):
    wrong = shifted(cut, name, dim, state(small)[name].shape[dim])
    pruned = prune(small, cut, args=(picture,)).module
    slice_state(other := copy.deepcopy(small), wrong)
    pruned.load_state_dict(other.state_dict())
    result = verify(small, pruned, wrong, (picture,))
    assert not result.ok and result.error > 1e-4 and "one" in result.where


KINDS = [(family, name) for family in FAMILIES for name in FAMILIES[family][2] if family != "words"]


@pytest.mark.parametrize("family, name", [*KINDS, ("words", "linear")])
def test_a_single_wrong_index_is_noticed_wherever_it_is(family, name, removal):
    model, x = network(family, [name])
    captured = capture(model, (x,))
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    pruned = prune(model, cut, capture=captured).module
    assert verify(model, pruned, cut, (x,)).ok
    tensors = state(model)
    places = [(n, d) for n, dims in cut.kept.items() for d in dims if n in tensors]
    wrong = [(n, d, shifted(cut, n, d, tensors[n].shape[d])) for n, d in places]
    assert places and not [(n, d) for n, d, other in wrong if verify(model, pruned, other, (x,)).ok]


def test_wrong_shapes_are_named(small, picture, cut):
    result = verify(small, copy.deepcopy(small), cut, (picture,))
    assert not result.ok and "the cut says" in result.where
    exchanged = verify(prune(small, cut, args=(picture,)).module, small, cut, (picture,))
    assert not exchanged.ok and "is the original first?" in exchanged.where


def test_zero_heads_do_not_hide_errors(picture):
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(256, 2))
    nn.init.zeros_(model[2].weight)
    cut = Cut({"0.weight": {0: (0, 1)}, "0.bias": {0: (0, 1)}, "2.weight": {1: tuple(range(64, 192))}}, "")
    slice_state(pruned := copy.deepcopy(model), cut)
    assert not verify(model, pruned, cut, (picture,)).ok


def test_statistics_are_taken_over_what_is_kept():
    model = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 2))
    stay = (0, 2, 5)
    cut = Cut({"0.weight": {0: stay}, "0.bias": {0: stay}, "1.weight": {0: stay}, "1.bias": {0: stay},
               "2.weight": {1: stay}}, "")  # fmt: skip
    slice_state(pruned := copy.deepcopy(model), cut)
    pruned[1].normalized_shape = (3,)
    x = torch.randn(5, 4)
    assert verify(model, pruned, cut, (x,)).ok
    pruned[1].eps = 0.1
    assert not verify(model, pruned, cut, (x,)).ok


@pytest.mark.parametrize("best", [torch.max, torch.min])
def test_the_greatest_and_the_least_are_taken_of_what_is_kept(best):
    class Best(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(1, 2)

        def forward(self, x):
            return self.b(best(self.a(x), -1, keepdim=True).values)

    stay = (0, 2, 5)
    cut = Cut({"a.weight": {0: stay}, "a.bias": {0: stay}}, "")
    model, x = Best(), torch.randn(50, 4)
    slice_state(pruned := copy.deepcopy(model), cut)
    assert verify(model, pruned, cut, (x,)).ok
    other = Cut({"a.weight": {0: stay}, "a.bias": {0: (0, 2, 4)}}, "")
    assert not verify(model, pruned, other, (x,)).ok


def test_what_cannot_be_followed_is_not_approved():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, x):
            return self.b(torch.softmax(self.a(x), -1))

    stay = (0, 1, 2)
    cut = Cut({"a.weight": {0: stay}, "a.bias": {0: stay}, "b.weight": {1: stay}}, "")
    model = Model()
    slice_state(pruned := copy.deepcopy(model), cut)
    result = verify(model, pruned, cut, (torch.randn(1, 4),))
    assert not result.ok and "softmax" in result.where


def test_rows_of_a_table_are_picked_by_number():
    """As positions are in M2M100: the numbers are no channels, and stay what they are."""

    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 2)
            self.table = nn.Buffer(torch.randn(9, 8))

        def forward(self, x):
            numbers = (x[..., 0] != 0).long().cumsum(1)
            return self.last(self.first(x) + self.table.index_select(0, numbers.view(-1)).view(*x.shape[:2], -1))

    model, x = Positions(), torch.randn(2, 6, 5)
    coupling = couple(capture(model, (x,)))
    cut = coupling.cut({0: [1, 4]})
    assert len(cut.kept["table"][1]) == 6
    result = verify(model, prune(model, cut, coupling=coupling).module, cut, (x,))
    assert result.ok, result.where
    assert not verify(model, prune(model, cut, coupling=coupling).module, shifted(cut, "table", 1, 8), (x,)).ok
