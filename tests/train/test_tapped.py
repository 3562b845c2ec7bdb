"""A model that also gives what its layers put out: the same answers, and no hook that outlives a call."""

import copy

import pytest
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.testing import fresh_net
from lissom.train.tapped import Tapped


def hooks(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) for part in module.modules())


class Breaks(nn.Module):
    def forward(self, value: Tensor) -> Tensor:
        raise ValueError("too hot")


class Several(nn.Module):
    """Calls a layer twice, gives a tuple, and has one layer that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.never = nn.Linear(3, 3), nn.Linear(3, 3)
        self.pair = nn.MultiheadAttention(3, 1)

    def forward(self, value: Tensor) -> Tensor:
        value = self.twice(self.twice(value))
        return self.pair(value, value, value)[0]


def test_answers_are_the_models_own_and_nothing_stays() -> None:
    model, pictures = fresh_net(), torch.randn(2, 3, 8, 8)
    tapped = Tapped(model, ["features.0", "features", "features.0"])
    found = tapped(pictures)
    assert torch.equal(found.outputs, model(pictures)) and list(found.features) == ["features.0", "features"]
    assert torch.equal(found.features["features"], model.features(pictures))
    assert hooks(model) == 0 and not hasattr(model, "features_seen")
    copied = copy.deepcopy(tapped)
    assert torch.equal(copied(pictures).outputs, found.outputs)


def test_the_last_call_and_the_first_tensor_count() -> None:
    model, value = Several(), torch.randn(4, 3)
    found = Tapped(model, ["twice", "pair"])(value).features
    assert torch.equal(found["twice"], model.twice(model.twice(value)))
    torch.testing.assert_close(found["pair"], model(value))


def test_hooks_are_gone_after_an_exception() -> None:
    model = nn.Sequential(nn.Linear(3, 3), Breaks())
    with pytest.raises(ValueError, match="too hot"):
        Tapped(model, ["0"])(torch.zeros(1, 3))
    assert hooks(model) == 0


def test_layers_that_are_not_there_or_not_called_are_named() -> None:
    with pytest.raises(LissomError, match=r"no layer called 'feature\.0'") as caught:
        Tapped(fresh_net(), ["feature.0"])
    assert "features.0" in caught.value.hints[0]
    model = Several()
    with pytest.raises(LissomError, match="'never' is not called"):
        Tapped(model, ["never"])(torch.randn(4, 3))
    assert hooks(model) == 0
