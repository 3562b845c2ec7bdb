import pytest
import torch
from torch import nn

from lissom.graph.exciting import double_by_default


class Mixed(nn.Module):
    """Names lower precisions on its way, as rotary embeddings and norms do."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 12), nn.Linear(12, 3)

    def forward(self, x):
        angles = torch.arange(12, dtype=torch.float32) / 7
        x = self.a(x).float() * angles.cos().to(dtype=torch.float32)
        x = torch.softmax(x, dim=-1, dtype=torch.float32)
        return self.b(x.to(torch.float32).type_as(self.b.weight)) * x.float().mean()


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.float(),
        lambda x: x.half(),
        lambda x: x.to(torch.bfloat16),
        lambda x: x.to(dtype=torch.float16),
        lambda x: x.sum(dtype=torch.float32),
        lambda x: torch.zeros(2, dtype=torch.float32),
        lambda x: torch.ones(2),
    ],
)
def test_named_precisions_are_doubled(make):
    x = torch.rand(3, dtype=torch.float64)
    with double_by_default():
        assert make(x).dtype == torch.float64
    assert torch.get_default_dtype() == torch.float32 and x.float().dtype == torch.float32


def test_other_kinds_stay(small):
    with double_by_default():
        assert torch.rand(2).to(torch.int64).dtype == torch.int64 and torch.rand(2).bool().dtype == torch.bool


def test_a_forward_that_names_precisions_is_proven_to_the_last_digits_and_keeps_its_class(cutting):
    pruned, verification, _ = cutting(Mixed(), torch.randn(4, 6))
    assert verification.ok and verification.error < 1e-12, verification
    assert pruned.own_class, pruned.notes
