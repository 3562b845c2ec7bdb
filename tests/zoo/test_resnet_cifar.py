"""ResNet-20 and ResNet-56: counts, and the names of weights that checkpoints have."""

import pytest
import torch

from lissom.zoo import build


@pytest.mark.parametrize(("name", "parameters"), [("resnet20", 272_474), ("resnet56", 855_770)])
def test_parameters(name: str, parameters: int) -> None:
    assert sum(parameter.numel() for parameter in build(name).parameters()) == parameters


def test_names_of_weights() -> None:
    names = {key.rpartition(".")[0] for key in build("resnet20").state_dict()}
    blocks = {f"layers.{k}.{part}" for k in range(9) for part in ("conv1", "bn1", "conv2", "bn2")}
    shortcuts = {f"layers.{k}.short.{part}" for k in (3, 6) for part in (0, 1)}
    assert names == {"conv1", "bn1", "fc"} | blocks | shortcuts


def test_output() -> None:
    with torch.no_grad():
        assert build("resnet20", num_classes=3).eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
