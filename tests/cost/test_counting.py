"""The profile of a model: layers, totals, and a model that is left as it was."""

import copy
import json
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from lissom.core.errors import LissomError
from lissom.cost import profile, state_dict_bytes
from lissom.zoo import build


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(1, 4, 1, 1))
        self.unused = nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x)) * self.scale


@dataclass
class Output:
    logits: Tensor


class Failing(nn.Module):
    def forward(self, x: Tensor) -> Output:
        if x.shape[0] == 1:
            raise ValueError("one")
        return Output(x + 1)


def test_layers_of_a_network_with_shared_and_unused_layers() -> None:
    layers = {layer.name: layer for layer in profile(Block(), (torch.zeros(1, 4, 5, 5),)).layers}
    assert list(layers) == ["conv", "", "unused"]
    conv = layers["conv"]
    assert (conv.kind, conv.calls, conv.output_shape, conv.parameters) == ("Conv2d", 2, (1, 4, 5, 5), 148)
    assert (conv.macs, conv.activation_bytes) == (2 * 4 * 25 * 36, 2 * 400)
    assert (layers[""].parameters, layers[""].activation_bytes) == (4, 400)
    assert (layers["unused"].parameters, layers["unused"].calls) == (110, 0)


def test_totals_are_the_sums_of_layers() -> None:
    result = profile(build("mobilenet_v3_small"), (torch.zeros(1, 3, 64, 64),))
    assert result.parameters == sum(layer.parameters for layer in result.layers) == 2_542_856
    assert result.macs == sum(layer.macs for layer in result.layers)
    assert result.inputs == ((1, 3, 64, 64),)


def test_tied_weights_are_counted_once() -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6))
    model[1].weight = model[0].weight
    result = profile(model, (torch.zeros(1, 6),))
    assert result.parameters == 36 + 12
    assert result.size_bytes == 4 * (36 + 12)
    assert [layer.parameters for layer in result.layers] == [42, 6]


def test_size_counts_buffers_and_number_formats() -> None:
    assert state_dict_bytes(nn.BatchNorm1d(3)) == 4 * 3 * 4 + 8
    assert state_dict_bytes(nn.Linear(3, 3, bias=False).half()) == 18


def test_the_batch_multiplies() -> None:
    model = build("resnet20")
    one, four = (profile(model, (torch.zeros(n, 3, 32, 32),)) for n in (1, 4))
    assert four.macs == 4 * one.macs
    assert four.peak_memory_bytes == 4 * one.peak_memory_bytes


def test_the_model_is_left_as_it_was() -> None:
    model = build("shufflenet_v2_x0_5").train()
    model.get_submodule("conv1").eval()
    before = copy.deepcopy(model.state_dict())
    modes = [module.training for module in model.modules()]
    attributes = [set(module.__dict__) for module in model.modules()]
    profile(model, (torch.zeros(2, 3, 64, 64),))
    assert [module.training for module in model.modules()] == modes
    assert [set(module.__dict__) for module in model.modules()] == attributes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_nothing_is_left_behind_by_a_forward_that_fails() -> None:
    model = Failing().train()
    with pytest.raises(ValueError, match="one"):
        profile(model, (torch.zeros(1),))
    assert model.training
    assert not module_hooks._global_forward_hooks
    assert not module_hooks._global_forward_pre_hooks
    assert torch.backends.mha.get_fastpath_enabled()


def test_outputs_in_dataclasses_and_keyword_inputs() -> None:
    result = profile(Failing(), (), {"x": torch.zeros(250)})
    assert result.peak_memory_bytes == 2000
    assert result.inputs == ((250,),)


def test_no_device_gives_the_same_counts() -> None:
    real = profile(build("mobilenet_v2"), (torch.zeros(1, 3, 64, 64),))
    with torch.device("meta"):
        none = profile(build("mobilenet_v2"), (torch.zeros(1, 3, 64, 64),))
    assert (none.macs, none.parameters, none.size_bytes) == (real.macs, real.parameters, real.size_bytes)
    assert none.peak_memory_bytes == pytest.approx(real.peak_memory_bytes, rel=0.01)


def test_a_tensor_in_place_of_inputs() -> None:
    with pytest.raises(LissomError, match=r"one tensor of shape \(1, 2\)(.|\n)*profile\(model, \(x,\)\)"):
        profile(nn.Linear(2, 2), torch.zeros(1, 2))  # pyright: ignore[reportArgumentType]


def test_json() -> None:
    loaded = json.loads(json.dumps(profile(build("resnet20"), (torch.zeros(1, 3, 32, 32),)).to_json()))
    assert (loaded["parameters"], loaded["uncounted"]) == (272_474, [])
    assert loaded["layers"][0]["name"] == "conv1"
