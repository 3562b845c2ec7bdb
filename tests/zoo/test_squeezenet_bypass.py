"""SqueezeNet with bypass: torchvision's weights, and where the shortcuts are."""

import torch
from torch import nn
from torchvision.models import squeezenet1_0
from torchvision.models.squeezenet import Fire

from lissom.zoo import build
from lissom.zoo.squeezenet_bypass import BypassSqueezeNet


def _kinds(model: BypassSqueezeNet) -> list[type[nn.Module]]:
    return [type(module) for module in model.bypasses.values()]


def test_torchvision_weights_load_into_the_simple_variant() -> None:
    build("squeezenet1_0_simple_bypass").load_state_dict(squeezenet1_0().state_dict())


def test_shortcuts_around_every_second_module_or_all() -> None:
    assert _kinds(BypassSqueezeNet()) == [nn.Identity] * 4
    assert _kinds(BypassSqueezeNet(complex_bypass=True)) == [nn.Conv2d, nn.Identity] * 4


def test_complex_bypass_adds_its_convolutions() -> None:
    counts = [
        sum(parameter.numel() for parameter in build(name).parameters())
        for name in ("squeezenet1_0_simple_bypass", "squeezenet1_0_complex_bypass")
    ]
    assert counts[1] - counts[0] == 341_248


def test_a_shortcut_adds_its_input() -> None:
    model = BypassSqueezeNet(num_classes=4).eval()
    for module in model.features:
        if isinstance(module, Fire):
            for layer in (module.expand1x1, module.expand3x3):
                nn.init.zeros_(layer.weight)
                nn.init.constant_(layer.bias, 1.0)
    pictures = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        # Fire 2 gives ones, fire 3 ones again: with the shortcut two, and pooling changes nothing.
        features = model.features[3](model.features[2](model.features[1](model.features[0](pictures))))
        seen: list[torch.Tensor] = []
        model.features[5].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
        model(pictures)
    assert torch.equal(features, torch.ones_like(features))
    assert torch.equal(seen[0], torch.full_like(seen[0], 2.0))
