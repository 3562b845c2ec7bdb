"""What ONNX Runtime computes in float of an INT8 file: what was meant to be in 8 bits, and nothing else."""

from pathlib import Path

import torch
from torch import Tensor, nn

from lissom.targets import TARGETS
from lissom.targets.onnx_dynamic_int8 import quantize_dynamic_int8
from lissom.targets.onnx_values import float_operators
from lissom.targets.target import Source


class Hearing(nn.Module):
    """Sound ``(batch, 4, times)`` to ``(batch, 6)``: a convolution, products, and what has no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv1d(4, 16, 3), nn.LayerNorm(16)
        self.query, self.last = nn.Linear(16, 16), nn.Linear(16, 6)

    def forward(self, sound: Tensor) -> Tensor:
        x = self.norm(torch.relu(self.first(sound)).transpose(1, 2))
        asked = torch.softmax(self.query(x) @ x.transpose(1, 2), -1)
        return self.last(torch.tanh(asked @ x)).mean(1)


def test_with_ranges_of_each_input_only_products_with_weights_are_told(tmp_path: Path) -> None:
    target, sound = TARGETS.get("onnxruntime")(), torch.randn(1, 4, 12)
    plain = target.export(Hearing().eval(), (sound,), tmp_path / "plain.onnx")
    made = quantize_dynamic_int8(plain, tmp_path / "small.onnx", ("MatMul",))
    assert target.fallbacks(made) == {"FusedConv": 1}
    whole = quantize_dynamic_int8(plain, tmp_path / "whole.onnx")
    assert target.fallbacks(whole) == {}


def test_with_fixed_ranges_everything_in_float_is_told(tmp_path: Path) -> None:
    target, sound = TARGETS.get("onnxruntime")(), torch.randn(1, 4, 12)
    module = Hearing().eval()
    plain = target.export(module, (sound,), tmp_path / "plain.onnx")
    made = target.quantize(Source(module, (sound,), plain), [[sound.numpy()]], tmp_path / "small.onnx")
    assert {"LayerNormalization", "Tanh"} <= set(float_operators(made.path))
