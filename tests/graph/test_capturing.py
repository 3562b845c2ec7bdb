import pytest
import torch
from torch import nn

from lissom.core.errors import CaptureError
from lissom.graph import capture


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 2)

    def forward(self, x):
        if x.sum() > 0:
            return self.a(x)
        return x


def test_a_model_that_cannot_be_exported_is_named_with_its_line():
    with pytest.raises(CaptureError, match=r"Branching at test_capturing.py:\d+ \(if x.sum\(\) > 0:\)") as caught:
        capture(Branching(), (torch.ones(1, 2),))
    assert caught.value.hints


def test_inputs_that_do_not_fit_are_described():
    with pytest.raises(CaptureError, match="does not run on the example inputs") as caught:
        capture(nn.Linear(2, 2), (torch.ones(1, 3),))
    assert "tensor(1, 3)" in str(caught.value)


def test_modes_are_restored_also_after_failure():
    model = Branching().train()
    model.a.eval()
    with pytest.raises(CaptureError):
        capture(model, (torch.ones(1, 2),))
    assert model.training and not model.a.training


class Careful(nn.Module):
    """Switches mixed precision off for a part of its forward, as some attention does."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.a(x))
        with torch.autocast("cpu", enabled=False):
            x = self.b(x)
            x, y = x * 2, x.sigmoid()
        return self.c(x * y)


def test_blocks_without_mixed_precision_are_cut_like_any_other(cutting):
    pruned, verification, coupling = cutting(Careful(), torch.randn(3, 4))
    assert verification.ok and not coupling.unknown
    assert [(g.name, g.units) for g in coupling.groups] == [("a", 8), ("b", 8)]
    assert pruned.module.b.weight.shape == (4, 4)
