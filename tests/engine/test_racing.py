"""A race of targets and precisions: the fastest that keeps the score is chosen, and each other one is told why not."""

import errno
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lissom
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Entrant, Settings
from lissom.engine import fastest, racing
from lissom.plan.budget import parse_budget
from lissom.report.html import page
from lissom.report.terminal import table
from lissom.report.view import read
from lissom.targets import TARGETS
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.openvino_ir import OpenVino
from lissom.testing import tiny_workload

OPTIONS = lissom.Options(measure_s=0.01, calibration=32)
WORD = "onnxruntime,openvino"
FAST_INT8 = {"onnxruntime fp32": 2.0, "onnxruntime int8": 1.0, "openvino fp32": 1.9, "openvino int8": 1.5}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def steady(monkeypatch: pytest.MonkeyPatch, middles: Mapping[str, float]) -> list[list[str]]:
    """Timings that are decided beforehand; 1.95 where nothing is said."""
    asked: list[list[str]] = []

    def measured(load: Mapping[str, Any], examples: Any, *, seconds: float, seed: int = 0) -> dict[str, list[float]]:
        asked.append(list(load))
        for make in load.values():
            make().run(examples[0])
        return {name: [middles.get(name, 1.95)] * 40 for name in load}

    for module in (racing, fastest):
        monkeypatch.setattr(module, "one_round", measured)
    return asked


def chosen(folder: Path, budget: str = "latency<=50%, drop<=30pt", word: str = WORD) -> tuple[str, dict[str, Entrant]]:
    name = racing.choose_target(word, tiny_workload(), parse_budget(budget), OPTIONS, folder, Progress(False))
    return name, {f"{item.target} {item.precision}": item for item in Ledger(folder).all(Entrant)}


def test_a_model_of_which_some_layers_may_be_in_int8_races_in_fp32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady(monkeypatch, {})
    workload, budget = replace(tiny_workload(), int8_layers=("0.*",)), parse_budget("latency<=50%, drop<=30pt")
    racing.choose_target(WORD, workload, budget, OPTIONS, tmp_path, Progress(False))
    assert {entrant.precision for entrant in Ledger(tmp_path).all(Entrant)} == {"fp32"}


def test_the_fastest_is_chosen_and_the_others_are_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = steady(monkeypatch, FAST_INT8)
    name, found = chosen(tmp_path / "run")
    assert name == "onnxruntime" and [key for key, item in found.items() if item.chosen] == ["onnxruntime int8"]
    assert found["openvino int8"].reason.startswith("1.50x the time")
    assert found["openvino fp16"].reason.endswith("FP16 gains no time here")
    small, large = found["openvino int8"].size_bytes, found["openvino fp32"].size_bytes
    assert small is not None and large is not None and small < large
    assert not list((tmp_path / "run").glob("**/*.onnx")), "the artefacts of a race are not kept"
    rounds = len(asked)
    assert chosen(tmp_path / "run") == (name, found) and len(asked) == rounds, "a run that goes on races no more"


def test_int8_that_is_slower_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady(monkeypatch, {"onnxruntime fp32": 1.0, "onnxruntime int8": 1.4})
    name, found = chosen(tmp_path / "run", word="onnxruntime")
    assert name == "onnxruntime" and found["onnxruntime fp32"].chosen
    assert "INT8 is slower than FP32 here (1.40x the time)" in found["onnxruntime int8"].reason


def test_what_loses_too_much_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady(monkeypatch, FAST_INT8)

    def ruined(self: OnnxRuntime, source: Any, calibration: Any, path: Path, recipe: Any = None) -> Any:
        with torch.no_grad():
            module = tiny_workload().module
            module.get_parameter("classifier.weight").mul_(-1)
        made = self.export(module, source.example, path)
        return racing.replace(made, precision="int8")

    monkeypatch.setattr(OnnxRuntime, "quantize", ruined)
    monkeypatch.setattr(racing, "check_parity", lambda *args: None)  # which would refuse it before
    name, found = chosen(tmp_path / "run")
    assert name == "openvino" and found["openvino int8"].chosen
    assert found["onnxruntime int8"].reason.startswith("loses ") and found["onnxruntime int8"].drop > 30


def test_a_target_that_fails_is_told_and_the_others_race_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady(monkeypatch, FAST_INT8)

    def broken(self: OpenVino, *args: Any, **settings: Any) -> Any:
        raise RuntimeError("no kernel\nmore of it")

    monkeypatch.setattr(OpenVino, "export", broken)
    name, found = chosen(tmp_path / "run")
    assert name == "onnxruntime"
    assert found["openvino fp32"].reason == "cannot be made: no kernel" and found["openvino fp32"].latency_ms is None
    assert "no FP32 artefact" in found["openvino int8"].reason


def test_where_all_fail_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnnxRuntime, "export", lambda *args, **settings: (_ for _ in ()).throw(LissomError("no")))
    with pytest.raises(LissomError, match="no target can run tiny"):
        chosen(tmp_path / "run", word="onnxruntime,onnxruntime")
    monkeypatch.undo()
    steady(monkeypatch, FAST_INT8)
    assert chosen(tmp_path / "run")[0] == "onnxruntime", "what failed is tried again"


def test_a_race_of_others_is_not_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady(monkeypatch, FAST_INT8)
    chosen(tmp_path / "run")
    with pytest.raises(LissomError, match="was chosen for other targets") as caught:
        chosen(tmp_path / "run", word="openvino")
    assert "-o" in caught.value.hints[0]
    with pytest.raises(LissomError, match="for other limit on the drop"):
        chosen(tmp_path / "run", "latency<=50%, drop<=1pt")


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(LissomError, match="not empty"):
        chosen(tmp_path)


@pytest.mark.parametrize(("word", "said"), [("onnxruntime,opnvino", "unknown target"), ("onnxruntime, ", "unknown")])
def test_names_are_checked(word: str, said: str) -> None:
    with pytest.raises(LissomError, match=said):
        racing.racing(word)


def test_auto_means_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenVino, "missing", lambda self: "openvino is not installed")
    names = [target.name for target in racing.racing("auto")]
    assert "onnxruntime" in names and not {"openvino", "pytorch", "inductor"} & set(names)
    with pytest.raises(LissomError, match="openvino cannot be used here") as refused:
        racing.racing(WORD)
    assert refused.value.hints == ("pip install 'lissom[openvino]'",)


def test_where_none_is_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(TARGETS) - {"pytorch", "inductor"}:
        monkeypatch.setattr(type(TARGETS.get(name)()), "missing", lambda self: "it is not installed")
    with pytest.raises(LissomError, match="no target is installed"):
        racing.racing("auto")


def test_a_full_disk_is_no_reason_to_choose_another_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: OpenVino, *args: Any, **settings: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    steady(monkeypatch, FAST_INT8)
    with monkeypatch.context() as patch:
        patch.setattr(OpenVino, "export", full)
        with pytest.raises(LissomError, match="the disk is full"):
            chosen(tmp_path / "run")
    assert chosen(tmp_path / "run")[1]["openvino fp32"].latency_ms == 1.9, "it is tried again"


def test_a_whole_run_is_of_the_winner_and_shows_the_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steady(monkeypatch, {"openvino int8": 1.0})
    monkeypatch.setattr(OpenVino, "peak_memory_bytes", lambda *given, **settings: 1_000_000)  # a process each
    run = lissom.compress(
        tiny_workload(),
        budget="parameters<=60%, drop<=40pt",
        target=WORD,
        output=tmp_path / "run",
        options=lissom.Options(epochs=1, calibration=32, measure_s=0.01, tries=1, compared=0),
        progress=Progress(False),
    )
    settings = Ledger(run.folder).get(Settings)
    assert settings is not None and settings.target == "openvino"
    assert (run.bundle / "model.xml").exists()
    view = read(run.folder)
    assert view.race[0].chosen and "on openvino, int8" in table(view)
    assert "<h2>Targets and precisions</h2>" in page(view)
    inputs = np.load(run.bundle / "vectors.npz")
    assert OpenVino().load(run.bundle / "model.xml", threads=1).run([inputs["input_0"]])[0].shape == (8, 4)
