"""MobileNetV1: the same network as timm's, and the published widths."""

import pytest
import torch

from lissom.zoo import build, entry


def test_weights_and_outputs_are_those_of_timm() -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("mobilenetv1_100").eval()
    ours = build("mobilenet_v1_x1_0").eval()
    ours.load_state_dict(theirs.state_dict())
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(pictures), theirs(pictures))


# Howard et al. 2017, tables 6: millions of multiply-adds and of parameters, as rounded there.
@pytest.mark.parametrize(
    ("name", "millions", "parameters"),
    [
        ("mobilenet_v1_x1_0", 569, 4.2),
        ("mobilenet_v1_x0_75", 325, 2.6),
        ("mobilenet_v1_x0_5", 149, 1.3),
        ("mobilenet_v1_x0_25", 41, 0.5),
    ],
)
def test_widths_are_within_the_rounding_of_the_paper(name: str, millions: int, parameters: float) -> None:
    known = entry(name)
    assert known.macs / 1e6 == pytest.approx(millions, abs=0.51)
    assert round(known.parameters / 1e6, 1) == parameters
