"""Cheap operators are not reported; what is neither cheap nor counted is."""

import pytest
import torch
from torch import Tensor, nn

from lissom.cost import COUNTERS, profile
from lissom.cost.free import FREE, is_free


class Transforming(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(x).real


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Transforming()
        self.second = Transforming()

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) + 1


def test_what_could_not_be_counted_is_named_with_its_place() -> None:
    result = profile(Network(), (torch.zeros(2, 8),))
    transforms = {item.operator: item for item in result.uncounted}["aten._fft_r2c"]
    assert (transforms.calls, transforms.layers) == (2, ("first", "second"))
    assert "aten._fft_r2c x2 in first, second" in str(result)


@pytest.mark.parametrize(
    "name", ["add", "relu_", "sum", "mean", "view", "native_layer_norm", "max_pool2d_with_indices", "embedding"]
)
def test_cheap_operators(name: str) -> None:
    packet = getattr(torch.ops.aten, name)
    assert is_free(f"aten.{name}", getattr(packet, packet.overloads()[0]))


@pytest.mark.parametrize("name", ["_fft_r2c", "linalg_qr", "linalg_cholesky_ex", "_cdist_forward"])
def test_costly_operators(name: str) -> None:
    packet = getattr(torch.ops.aten, name)
    assert not is_free(f"aten.{name}", getattr(packet, packet.overloads()[0]))


def test_nothing_is_both_free_and_counted() -> None:
    assert not FREE & set(COUNTERS)
