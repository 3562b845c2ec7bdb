"""Modules that keep what they computed from their weights until their mode changes."""

import copy

import pytest
import torch
from torch import nn

from lissom.graph import capture, couple, prune, verify
from lissom.graph.forgetting import forget


class Keeping(nn.Module):
    """Attention whose biases are gathered once in evaluation mode, and forgotten when training begins."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(8, 8) for _ in range(4))
        self.head = nn.Linear(8, 3)
        self.table, self.kept = nn.Parameter(torch.randn(4, 7)), {}

    def train(self, mode=True):
        super().train(mode)
        if mode:
            self.kept = {}
        return self

    def bias(self):
        places = torch.arange(5)
        if self.training:
            return self.table[:, (places[:, None] - places).abs()]
        if "bias" not in self.kept:
            self.kept["bias"] = self.table[:, (places[:, None] - places).abs()]
        return self.kept["bias"]

    def forward(self, x):
        q, k, v = (p(x).unflatten(-1, (-1, 2)).transpose(1, 2) for p in (self.q, self.k, self.v))
        mixed = (q @ k.transpose(-2, -1) + self.bias()).softmax(-1) @ v
        return self.head(x + self.o(mixed.transpose(1, 2).flatten(2)))


X = torch.randn(2, 5, 8)


def test_nothing_that_a_trace_computed_is_kept():
    model = Keeping().eval()
    capture(model, (X,))
    assert not model.kept and type(model(X)) is torch.Tensor


@pytest.mark.parametrize("gradients", [True, False])
def test_what_was_kept_before_the_cut_is_not_of_the_model_after_it(gradients):
    model = Keeping().eval()
    coupling = couple(capture(model, (X,)))
    cut = coupling.cut({group.index: [1, 2] for group in coupling.groups if group.kind == "heads"})
    with torch.set_grad_enabled(gradients):
        model(X)
    pruned = prune(model, cut, coupling=coupling)
    assert pruned.own_class and pruned.module.table.shape == (2, 7) and pruned.module(X).shape == (2, 5, 3)
    assert verify(model, pruned.module, cut, (X,)).ok


def test_forgetting_changes_no_mode():
    model = nn.Sequential(Keeping(), nn.Dropout(), nn.Linear(3, 3)).eval()
    model[1].train()
    model[0](X)
    before = copy.deepcopy([part.training for part in model.modules()])
    forget(model)
    assert [part.training for part in model.modules()] == before and not model[0].kept
