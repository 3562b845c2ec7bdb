import torch
from torch import fx, nn


class Windows(nn.Module):
    """Merges the batch with windows, by numbers."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        n = x.shape[0]
        x = self.a(x).reshape(n * 2, 4, 6)
        return self.b(x.reshape(n, 8, 6))


class Mixing(nn.Module):
    """Takes its batch as something that has a size."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.mix = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(2, 2)

    def forward(self, x):
        return self.b(self.mix(self.a(x).reshape(-1, 6).t().reshape(6, 2)).t().reshape(2, 6))


def test_a_delivered_graph_takes_other_batches(cutting):
    model, x = Windows(), torch.randn(2, 8, 4)
    pruned, verification, _ = cutting(model, x)
    assert verification.ok and isinstance(pruned.module, fx.GraphModule)
    wide = torch.randn(5, 8, 4)
    assert torch.allclose(pruned.module(wide)[1:3], pruned.module(wide[1:3]), atol=1e-6)
    assert "batches" not in pruned.notes[0]


def test_what_cannot_take_other_batches_says_so(cutting):
    pruned, verification, _ = cutting(Mixing(), torch.randn(2, 4))
    assert verification.ok and not pruned.own_class
    assert "for batches of 2 only" in pruned.notes[0]
