"""DS-CNN: the published counts, layer by layer, and inputs of any size."""

import pytest
import torch

from lissom.zoo import build, entry


# Zhang et al. 2017, table 4: channels, depthwise-separable blocks, map after the first convolution and in the blocks.
@pytest.mark.parametrize(
    ("name", "channels", "blocks", "first", "inner"),
    [
        ("ds_cnn_s", 64, 4, 25 * 5, 25 * 5),
        ("ds_cnn_m", 172, 4, 25 * 10, 13 * 5),
        ("ds_cnn_l", 276, 5, 25 * 10, 13 * 5),
    ],
)
def test_counts_are_those_of_the_layer_plan(name: str, channels: int, blocks: int, first: int, inner: int) -> None:
    known = entry(name)
    block = 9 * channels + channels**2
    norms = 2 * channels * (1 + 2 * blocks)
    assert known.parameters == 40 * channels + blocks * block + norms + (channels + 1) * 12
    assert known.macs == first * 40 * channels + inner * blocks * block + channels * 12


# In millions of operations, two to a multiply-add, as printed.
@pytest.mark.parametrize(("name", "operations"), [("ds_cnn_s", 5.4), ("ds_cnn_m", 19.8), ("ds_cnn_l", 56.9)])
def test_operations_are_within_two_percent_of_those_printed(name: str, operations: float) -> None:
    assert 2 * entry(name).macs / 1e6 == pytest.approx(operations, rel=0.02)


def test_other_bands_and_frames_are_taken() -> None:
    model = build("ds_cnn_s", num_classes=3).eval()
    assert model(torch.zeros(2, 1, 40, 98)).shape == (2, 3)
