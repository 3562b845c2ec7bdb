"""Weights out of packages: names, a clear message where there are none, and the score they claim."""

from importlib.util import find_spec

import pytest

from lissom.core.errors import LissomError, MissingExtraError
from lissom.zoo import build
from lissom.zoo import weights as zoo_weights
from lissom.zoo.weights import PACKAGED, lite0_name, packaged_state

LITE0 = "tf_efficientnet_lite0"


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn0.bias", "bn1.bias"),
        ("_blocks.0._depthwise_conv.weight", "blocks.0.0.conv_dw.weight"),
        ("_blocks.0._bn1.running_mean", "blocks.0.0.bn1.running_mean"),
        ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
        ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        ("_blocks.1._bn0.weight", "blocks.1.0.bn1.weight"),
        ("_blocks.15._bn2.running_var", "blocks.6.0.bn3.running_var"),
        ("_conv_head.weight", "conv_head.weight"),
        ("_bn1.weight", "bn2.weight"),
        ("_fc.bias", "classifier.bias"),
    ],
)
def test_names_of_lite0(key: str, name: str) -> None:
    assert lite0_name(key) == name


@pytest.mark.skipif(find_spec(PACKAGED[LITE0].package) is None, reason="the package is absent")
def test_lite0_loads_without_anything_left_over() -> None:
    build(LITE0).load_state_dict(packaged_state(LITE0))


def test_no_package_has_them() -> None:
    with pytest.raises(LissomError, match="no package has weights for the model 'mobilenet_v2'"):
        packaged_state("mobilenet_v2")


def test_the_network_with_other_padding_is_pointed_out() -> None:
    with pytest.raises(LissomError, match="they fit tf_efficientnet_lite0"):
        packaged_state("efficientnet_lite0")


def test_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_weights, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"lissom\[lite0\]"):
        packaged_state(LITE0)
