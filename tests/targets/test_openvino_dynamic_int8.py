"""Weights in 8 bits on OpenVINO: what they answer, what they take, and what is said to be in float."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("openvino", reason="needs the extra 'targets'")

from lissom.targets import TARGETS
from lissom.targets.target import INT8, Source


class Reader(nn.Module):
    """Token numbers ``(batch, tokens)`` to ``(batch, 16)``: a table, products, and what has no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.first, self.last = nn.Embedding(300, 64), nn.Linear(64, 256), nn.Linear(256, 16, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.last(torch.softmax(self.first(self.table(tokens)), -1)).mean(1)


@pytest.mark.parametrize("padded", [False, True], ids=["dense", "a row of zeros"])
def test_tables_and_weights_take_a_byte_each_and_answers_stay(tmp_path: Path, padded: bool) -> None:
    torch.manual_seed(0)
    module, target = Reader().eval(), TARGETS.get("openvino")()
    if padded:
        nn.init.zeros_(module.table.weight[0])
    tokens = torch.randint(0, 300, (4, 12))
    plain = target.export(module, (tokens[:1],), tmp_path / "plain.xml")
    made = target.quantize(Source(module, (tokens[:1],), plain), [[tokens.numpy()]], tmp_path / "small.xml")
    assert "dynamic INT8" in made.notes
    stored = [path.with_suffix(".bin").stat().st_size for path in (plain.path, made.path)]
    assert stored[1] < 0.32 * stored[0]  # a byte each, and scales
    before, after = (target.load(path, threads=1).run([tokens.numpy()])[0] for path in (plain.path, made.path))
    assert np.abs(after - before).max() < 0.02 * np.abs(before).max()


def test_what_is_meant_to_stay_in_float_is_no_fallback(tmp_path: Path) -> None:
    module, target = Reader().eval(), TARGETS.get("openvino")()
    tokens = torch.randint(0, 300, (1, 12))
    plain = target.export(module, (tokens,), tmp_path / "plain.xml")
    made = target.quantize(Source(module, (tokens,), plain), [[tokens.numpy()]], tmp_path / "small.xml")
    assert target.fallbacks(target.artefact(made.path, INT8)) == {}  # the softmax is meant to be in float
