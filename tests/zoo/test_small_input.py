"""Stride plans for small pictures: 4x4 is left before the average, and the weights keep their shapes."""

import pytest
import torch
from torch import nn

from lissom.core.errors import LissomError
from lissom.zoo import build
from lissom.zoo.names import SMALL_INPUT
from lissom.zoo.small_input import for_small_input


def _last_map(model: nn.Module, pixels: int) -> int:
    sizes: list[int] = []

    def note(module: nn.Module, inputs: object, output: torch.Tensor) -> None:
        sizes.append(output.shape[-1])

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, pixels, pixels))
    return min(size for size in sizes if size > 1)


# SqueezeNet pools without padding and, at 64 pixels, keeps its first convolution, which does not pad either.
LEFT = {"squeezenet1_1_28px": 3, "squeezenet1_1_64px": 3}
FAST = ("mobilenet_v2_28px", "mobilenet_v3_small_64px", "shufflenet_v2_x0_5_32px", "squeezenet1_1_28px")


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in SMALL_INPUT]
)
def test_four_by_four_is_left(name: str) -> None:
    assert _last_map(build(name), int(name.rpartition("_")[2][:-2])) == LEFT.get(name, 4)


@pytest.mark.parametrize("family", ["mobilenet_v2", "shufflenet_v1_g3_x1_0", "squeezenet1_1"])
def test_weights_keep_their_names_and_shapes(family: str) -> None:
    with torch.device("meta"):
        full, small = build(family, num_classes=10), build(f"{family}_32px")
    assert {k: v.shape for k, v in full.state_dict().items()} == {k: v.shape for k, v in small.state_dict().items()}


def test_no_plan_for_other_sizes() -> None:
    with pytest.raises(LissomError, match="no stride plan for pictures of 48 pixels"):
        for_small_input(nn.Sequential(), 48)
