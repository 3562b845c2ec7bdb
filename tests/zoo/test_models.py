"""The table of builders: options reach the builder, and a missing library is said plainly."""

import sys

import pytest
import torch

from lissom.core.errors import LissomError, MissingExtraError
from lissom.zoo import MODELS, build


@pytest.mark.parametrize(
    "name", ["sample", "mobilenet_v1_x0_25", "mobilenet_v3_small", "mobilenetv4_conv_small", "resnet20"]
)
def test_number_of_classes_reaches_the_builder(name: str) -> None:
    with torch.device("meta"), torch.no_grad():
        assert build(name, num_classes=7).eval()(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


def test_unknown_name() -> None:
    with pytest.raises(LissomError, match="unknown model of the zoo 'shufflenet'"):
        build("shufflenet")


def test_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm.models", None)
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"needs the package 'timm'(.|\n)*lissom\[timm\]"):
        build("efficientnet_lite0")


@pytest.mark.parametrize("name", list(MODELS))
def test_every_name_leads_to_a_builder(name: str) -> None:
    assert callable(MODELS.get(name))


def test_a_missing_library_is_told_when_weights_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from lissom.workload.models import load_model

    monkeypatch.setitem(sys.modules, "lissom.zoo.text", None)
    monkeypatch.setattr("lissom.zoo.models.MODELS", _Broken())
    with pytest.raises(MissingExtraError, match=r"needs the package 'transformers'(.|\n)*lissom\[text\]"):
        load_model("zoo:distilbert", random_weights=True)


class _Broken:
    """A table whose builders need a package that is not there."""

    def get(self, name: str) -> None:
        raise ModuleNotFoundError(name="transformers.models")
