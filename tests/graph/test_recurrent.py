import pytest
import torch
from torch import nn

KINDS = [(kind, options) for kind in (nn.LSTM, nn.GRU, nn.RNN)
         for options in ({}, {"num_layers": 2}, {"bidirectional": True, "num_layers": 2}, {"bias": False})]  # fmt: skip


class Reader(nn.Module):
    def __init__(self, kind, options):
        super().__init__()
        self.embed, self.read = nn.Embedding(11, 6), kind(6, 8, batch_first=True, **options)
        self.head = nn.Linear(16 if options.get("bidirectional") else 8, 3)

    def forward(self, x):
        return self.head(self.read(self.embed(x))[0])


@pytest.mark.parametrize("kind, options", KINDS)
def test_recurrent_layers_lose_hidden_cells(kind, options, cutting):
    pruned, verification, coupling = cutting(Reader(kind, options), torch.randint(0, 11, (2, 5)))
    assert verification.ok, verification
    assert pruned.own_class and pruned.module.read.hidden_size == 4 and pruned.module.read.input_size == 3
    assert [(g.name, g.units) for g in coupling.groups] == [("embed", 6), ("read", 8)]
