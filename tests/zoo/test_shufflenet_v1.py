"""ShuffleNetV1 beside the published counts, and its shuffle."""

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.zoo import build, entry
from lissom.zoo.names import SHUFFLENET_V1
from lissom.zoo.shufflenet_v1 import ShuffleNetV1, _shuffle, stage_channels

FAST = ("shufflenet_v1_g2_x0_5", "shufflenet_v1_g4_x1_5", "shufflenet_v1_g8_x0_5", "shufflenet_v1_g1_x2_0")


# megvii's networks have no bias in their heads; the README's rounding agrees with all counts but one (138).
@pytest.mark.parametrize(
    ("name", "parameters", "millions"),
    [
        ("shufflenet_v1_g3_x0_5", 717_324, 37.59),
        ("shufflenet_v1_g3_x1_0", 1_864_728, 137.46),
        ("shufflenet_v1_g3_x1_5", 3_441_168, 292.44),
        ("shufflenet_v1_g3_x2_0", 5_449_776, 524.05),
        ("shufflenet_v1_g8_x0_5", 1_010_448, 40.47),
        ("shufflenet_v1_g8_x1_0", 2_433_768, 138.37),
        ("shufflenet_v1_g8_x1_5", 4_268_952, 290.19),
        ("shufflenet_v1_g8_x2_0", 6_521_232, 521.94),
    ],
)
def test_counts_without_a_bias_in_the_head(name: str, parameters: int, millions: float) -> None:
    with torch.device("meta"):
        bare = sum(parameter.numel() for parameter in build(name, head_bias=False).parameters())
    assert (bare, entry(name).parameters) == (parameters, parameters + 1000)
    assert round(entry(name).macs / 1e6, 2) == millions


@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in SHUFFLENET_V1],
)
def test_every_group_and_width_runs(name: str) -> None:
    with torch.no_grad():
        assert build(name, num_classes=5).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 5)


def test_the_shuffle_deals_channels_out_to_all_groups() -> None:
    channels = torch.arange(6.0).reshape(1, 6, 1, 1)
    assert _shuffle(channels, 2).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_widths_that_do_not_divide_are_rounded_up() -> None:
    assert stage_channels(4, 0.5) == (144, 288, 576)
    assert stage_channels(3, 1.0) == (240, 480, 960)


def test_unknown_number_of_groups() -> None:
    with pytest.raises(LissomError, match="groups is one of 1, 2, 3, 4, 8"):
        ShuffleNetV1(groups=5)
