"""Models that cannot be captured whole: their largest submodules are, and what goes in and out of those stays."""

import pytest
import torch
from torch import nn

from lissom.core.errors import CaptureError
from lissom.graph import capture, couple, load, prune, save, verify


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(4, 8), nn.LayerNorm(8), nn.Linear(8, 6)

    def forward(self, x):
        return self.b(torch.relu(self.norm(self.a(x))))


class Branching(nn.Module):
    """Chooses by value, so only its parts can be captured."""

    def __init__(self):
        super().__init__()
        self.body, self.head = Body(), nn.Sequential(nn.Linear(6, 10), nn.ReLU(), nn.Linear(10, 2))

    def forward(self, x):
        x = self.body(x)
        return self.head(x) if x.sum() > -1e9 else self.head(-x)


X = torch.randn(3, 4)


def pruned_in_parts(removal):
    model = Branching()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    return model, captured, coupling, cut, prune(model, cut, capture=captured)


def test_the_whole_is_refused_and_parts_are_offered():
    with pytest.raises(CaptureError, match="Branching") as caught:
        capture(Branching(), (X,))
    assert any("parts=True" in hint for hint in caught.value.hints)


def test_parts_are_cut_inside(removal, count):
    model, captured, coupling, cut, pruned = pruned_in_parts(removal)
    assert [part.name for part in captured.parts] == ["body", "head"]
    assert [(g.name, g.units) for g in coupling.groups] == [("body.a", 8), ("head.0", 10)]
    assert "captured in parts (body, head)" in coupling.notes[0]
    assert type(pruned.module) is Branching and pruned.own_class
    assert pruned.module.body.a.out_features == 4 and pruned.module.head[2].in_features == 5
    assert count(pruned.module) < count(model)
    assert verify(model, pruned.module, cut, (X,)).ok
    assert verify(model, pruned.module, cut, (X,), capture=captured).ok


def test_parts_are_saved_and_loaded(removal, tmp_path):
    _, _, _, cut, pruned = pruned_in_parts(removal)
    save(tmp_path / "m", cut, pruned.module)
    again = load(tmp_path / "m", Branching)
    assert torch.equal(again.eval()(X), pruned.module.eval()(X))


def test_capturing_prints_nothing(capfd):
    capture(Branching(), (X,), parts=True)
    assert capfd.readouterr() == ("", "")


def test_empty_outputs_prove_nothing(removal):
    class Picky(Branching):
        def forward(self, x):
            out = super().forward(x)
            return out[out > 1e9]

    model = Picky()
    captured = capture(model, (X,), parts=True)
    coupling = couple(captured)
    cut = coupling.cut(removal(coupling))
    pruned = prune(model, cut, capture=captured)
    assert "prove nothing" in verify(model, pruned.module, cut, (X,)).where
    assert verify(model, pruned.module, cut, (X,), capture=captured).ok
