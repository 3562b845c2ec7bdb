"""``lissom profile``: by name or from a file, without weights, and with inputs that do not fit."""

import json
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from lissom.cli.profile import profile
from lissom.core.errors import LissomError

APP = Typer()
APP.command()(profile)


def run(*words: str) -> str:
    result = CliRunner().invoke(APP, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def own_model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(
        "from torch import nn\n\n\ndef build():\n    return nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))\n",
        encoding="utf-8",
    )
    return f"{path}:build"


def test_a_model_of_torchvision() -> None:
    result = json.loads(run("torchvision:mobilenet_v3_small", "--random-weights", "--json"))
    assert (result["parameters"], result["macs"]) == (2_542_856, 56_510_400)
    assert result["inputs"] == [[1, 3, 224, 224]]


def test_the_usual_input_and_classes_of_the_zoo() -> None:
    assert "CifarResNet, input 1 x 3 x 32 x 32" in run("zoo:resnet20")
    assert "1 x 7" in run("resnet20", "--num-classes", "7")


def test_a_model_of_ones_own_with_its_inputs(own_model: str) -> None:
    result = json.loads(run(own_model, "--input", "1x6:int64", "--json"))
    assert (result["macs"], result["inputs"]) == (6 * 4 * 2, [[1, 6]])


def test_an_input_that_does_not_fit(own_model: str) -> None:
    with pytest.raises(LissomError, match=r"failed on an input of 1x6: (.|\n)*hint: --input"):
        run(own_model, "--input", "1x6")


@pytest.mark.parametrize("text", ["3x", "1x0x2", "1x2:int8", "big"])
def test_a_shape_that_is_none(text: str) -> None:
    with pytest.raises(LissomError, match="is not a shape"):
        run("resnet20", "--input", text)
