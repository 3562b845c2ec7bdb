"""``lissom zoo`` as a person and a program see it."""

import json
import sys
import types
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from lissom.cli.zoo import zoo
from lissom.cli.zoo_table import Row, table
from lissom.core.errors import LissomError
from lissom.targets import TARGETS
from lissom.zoo import catalog, entry

APP = Typer()
APP.command()(zoo)


def run(*words: str) -> str:
    result = CliRunner().invoke(APP, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout


class FakeTarget:
    """Exports nothing and runs in no time; refuses SqueezeNet."""

    def check_usable(self) -> None:
        """It is always there."""

    def place(self, folder: Path, stem: str) -> Path:
        return folder / f"{stem}.fake"

    def export(self, module: Any, example: Any, path: Path) -> Any:
        if type(module).__name__ == "SqueezeNet":
            raise LissomError("no SqueezeNet here")
        return types.SimpleNamespace(path=path)

    def load(self, path: Path, *, threads: int) -> Any:
        return types.SimpleNamespace(run=lambda arrays: [np.zeros(1)])


@pytest.fixture
def fake_target(monkeypatch: pytest.MonkeyPatch) -> str:
    module = types.ModuleType("fake_target")
    module.FakeTarget = FakeTarget  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "fake_target", module)
    monkeypatch.setitem(TARGETS._places, "fake", "fake_target:FakeTarget")
    return "fake"


def test_the_list_names_families_counts_scores_and_sources() -> None:
    text = run()
    assert "\nMobileNetV2, from torchvision\n" in text
    line = next(line for line in text.splitlines() if line.startswith("  mobilenet_v2 "))
    assert line.split() == [
        "mobilenet_v2", "224x224", "3,504,872", "300.77", "10.2", "MB", "14.2", "MB", "71.88", "[2]",
    ]  # fmt: skip
    assert "[2] ImageNet top-1: torchvision 0.29 metadata, IMAGENET1K_V1" in text
    assert "Zhang et al. 2018, tables 1 and 2 (not looked up there)" in text


def test_attention_stands_behind_the_multiply_adds_of_layers() -> None:
    lines = run().splitlines()
    assert "BERT, from transformers, input in tokens" in lines
    line = next(line for line in lines if line.startswith("  bert_mini "))
    assert line.split()[:6] == ["bert_mini", "128", "11,170,560", "402.72", "+", "33.55"]
    assert any(line.endswith("multiply-adds of attention stand behind those of the layers") for line in lines)
    assert "attention" not in run("--fits", "size<=500kB")


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("timed", [False, True])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_left_out(width: int, timed: bool) -> None:
    rows: list[Row] = [asdict(one) | ({"latency_ms": 1234.5678} if timed else {}) for one in catalog()]
    if timed:
        rows[0] |= {"latency_ms": None, "not_measured": "no operator is known by that name " * 4}
    text = table(rows, width)
    assert max(map(len, text.splitlines())) <= max(width, 80 if timed else 71)
    words = text.split()
    assert {row["name"] for row in rows} <= set(words)
    assert {f"{row['parameters']:,}" for row in rows} <= set(words)
    flowing = " ".join(words)
    assert all(row["published"]["source"] in flowing for row in rows if row["published"])
    assert all(word in words for word in ("model", "input", "parameters", "peak", "size", "score"))


def test_a_name_too_long_for_its_column_has_a_line_of_its_own() -> None:
    rows: list[Row] = [asdict(entry("squeezenet1_0_complex_bypass")), asdict(entry("resnet20"))]
    wide, narrow = table(rows, 100).splitlines(), table(rows, 70).splitlines()
    assert [line[:31].strip() for line in wide if "_complex_" in line] == ["squeezenet1_0_complex_bypass"]
    place = narrow.index("  squeezenet1_0_complex_bypass")
    assert narrow[place + 1].split()[:2] == ["224x224", "1,589,672"]
    assert [line for line in narrow if line.startswith("  resnet20 ")], "a short name stays before its figures"
    assert narrow[place + 1].index("1,589,672") + 9 == narrow[0].index("parameters") + 10


def test_the_list_as_json() -> None:
    rows = json.loads(run("--json"))
    wanted = {"name", "family", "provider", "input", "parameters", "macs", "peak_memory_bytes", "published"}
    assert all(wanted <= set(row) for row in rows)
    assert len(rows) > 100


def test_one_by_layer() -> None:
    text = run("resnet20")
    assert "CifarResNet, input 1 x 3 x 32 x 32" in text
    assert "layers.8.conv2" in text
    row = json.loads(run("resnet20", "--json"))
    assert (row["name"], row["layers"][0]["name"], row["uncounted"]) == ("resnet20", "conv1", [])


def test_what_fits() -> None:
    rows = json.loads(run("--fits", "size<=2MB, macs<=100M", "--json"))
    assert {"resnet20", "mobilenet_v1_x0_25"} <= {row["name"] for row in rows}
    assert all(row["size_bytes"] <= 2e6 and row["macs"] <= 100e6 for row in rows)


def test_nothing_fits() -> None:
    assert run("--fits", "size<=1kB").startswith("nothing in the zoo fits")


def test_attention_counts_in_a_limit_of_macs() -> None:
    names = {row["name"] for row in json.loads(run("--fits", "macs<=600M", "--json"))}
    assert "tinybert_4l_312" not in names  # 583 M in layers and 41 M in attention
    assert "mobilenet_v1_x1_0" in names


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("size<=10%", "percentage of an original"),
        ("latency<=5ms", "add --measure onnxruntime"),
        ("size<=2MB, drop<=1%", "nothing is trained here"),
        ("speed<=2", "unknown measure"),
    ],
)
def test_budgets_that_make_no_sense_here(budget: str, message: str) -> None:
    with pytest.raises(LissomError, match=message):
        run("--fits", budget)


def test_unknown_model() -> None:
    with pytest.raises(LissomError, match="did you mean resnet20"):
        run("resnet21")


def test_unknown_target() -> None:
    with pytest.raises(LissomError, match="unknown target"):
        run("resnet20", "--measure", "toaster")


def test_measuring_lists_what_failed(fake_target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lissom.cli.zoo._SECONDS", 0.0)
    budget = ("--fits", "parameters<=750k, macs<=100M")
    rows = {row["name"]: row for row in json.loads(run(*budget, "--measure", fake_target, "--json"))}
    assert rows["resnet20"]["latency_ms"] >= 0
    assert rows["resnet20"]["target"] == "fake"
    assert rows["squeezenet1_1_28px"]["not_measured"] == "no SqueezeNet here"
    assert "squeezenet1_1_28px not measured: no SqueezeNet here" in run(*budget, "--measure", fake_target)


def test_what_could_not_be_measured_does_not_fit(fake_target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lissom.cli.zoo._SECONDS", 0.0)
    budget = ("--fits", "latency<=1s", "--measure", fake_target)
    assert json.loads(run("squeezenet1_1_28px", *budget, "--json")) == []


@pytest.mark.slow
def test_measuring_on_onnx_runtime() -> None:
    (row,) = json.loads(run("resnet20", "--measure", "onnxruntime", "--json"))
    low, high = row["latency_interval_ms"]
    assert 0 < low <= row["latency_ms"] <= high
