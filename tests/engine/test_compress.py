"""Whole runs of the tiny workload through the Python API: met, missed, refused, limited in time."""

import copy
import json
import math
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import lissom
from lissom import api
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Trial, Verdict
from lissom.engine import compress as engine
from lissom.engine import probing
from lissom.plan.recipes import recipe
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import INT8, Artefact, Inputs, Recipe, Source
from lissom.testing import fresh_net, tiny_workload
from lissom.testing.tiny import Drawn, drawn_splits
from lissom.workload.workload import Splits, Workload

OPTIONS = lissom.Options(epochs=2, calibration=32, measure_s=0.02, tries=1, compared=0)
MET, MISSED = "parameters<=50%, size<=60%, drop<=30pt", "size<=3%, drop<=0.1pt"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def given() -> Workload:
    return tiny_workload()


@pytest.fixture(scope="module")
def met(given: Workload, tmp_path_factory: pytest.TempPathFactory) -> lissom.Run:
    folder = tmp_path_factory.mktemp("met") / "run"
    return lissom.compress(given, budget=MET, output=folder, options=OPTIONS)


@pytest.fixture(scope="module")
def missed(tmp_path_factory: pytest.TempPathFactory) -> lissom.Run:
    folder = tmp_path_factory.mktemp("missed") / "run"
    return lissom.compress(tiny_workload(), budget=MISSED, output=folder, options=OPTIONS)


def summary(run: lissom.Run) -> dict:
    return json.loads((run.folder / "summary.json").read_text(encoding="utf-8"))


def test_a_budget_that_can_be_met_is_met(met: lissom.Run) -> None:
    found = summary(met)
    assert met.met and found["met"] is True
    original, final = found["original"], found["final"]
    assert final["parameters"] <= 0.5 * original["parameters"] and final["size_bytes"] <= 0.6 * original["size_bytes"]
    assert original["score"] - final["score"] <= 30 and final["macs"] < original["macs"]
    assert (original["split"], final["split"]) == ("test", "test")
    assert (original["examples"], original["parameters"]) == (120, 14_580)
    for figures in (original, final):
        low, high = figures["latency_interval_ms"]
        assert 0 < low <= figures["latency_ms"] <= high and figures["peak_memory_bytes"] > 0


def test_every_trial_is_of_the_select_split_and_says_why(met: lissom.Run) -> None:
    trials = Ledger(met.folder).all(Trial)
    assert trials and all(trial.figures and trial.figures.split == "select" for trial in trials)
    assert all(trial.reason for trial in trials) and any(trial.kept for trial in trials)
    assert [step["name"] for step in summary(met)["steps"]] == [trial.move for trial in trials]


def test_the_test_split_is_opened_once_for_the_result_alone(met: lissom.Run) -> None:
    records = list(Ledger(met.folder))
    kinds = [record.kind for record in records]
    assert kinds.count("verdict") == 1 and kinds[-1] == "end"
    tested = [record.kind for record in records if '"split": "test"' in json.dumps(record.value)]
    assert tested == ["verdict"]
    last_trial = max(place for place, kind in enumerate(kinds) if kind == "trial")
    assert kinds.index("verdict") > last_trial


def test_the_score_is_that_of_the_artefact(met: lissom.Run) -> None:
    from lissom.export.runners.onnx_runner import Runner as Session

    test = drawn_splits().test
    batch = test.take(range(len(test)))
    answers = Session(met.bundle / "model.onnx", 1).run([batch.inputs[0].numpy()])[0]
    assert summary(met)["final"]["score"] == pytest.approx(100 * (answers.argmax(1) == test.labels).mean())


def test_the_bundle_predicts_without_torch(met: lissom.Run) -> None:
    command = [sys.executable, str(met.bundle / "predict.py"), "--verify", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and json.loads(done.stdout)["ok"], done.stderr
    card = (met.bundle / "README.md").read_text(encoding="utf-8")
    assert "# tiny, made light" in card and f"Budget: {MET}: met." in card


def test_what_is_printed_shows_every_move(met: lissom.Run) -> None:
    text = str(met)
    words = text.split()
    for trial in Ledger(met.folder).all(Trial):
        assert set(trial.move.split()) <= set(words), "long names are wrapped, never cut"
    assert "met" in text and met.report.exists()


def test_the_widths_are_told_by_layer(met: lissom.Run) -> None:
    verdict = Ledger(met.folder).get(Verdict)
    assert verdict is not None
    found = {width.layer: (width.before, width.after) for width in verdict.widths}
    assert set(found) == {"features.0", "features.3", "features.6", "classifier"}
    assert found["classifier"] == (4, 4) and all(after <= before for before, after in found.values())


def test_a_finished_run_is_given_back(met: lissom.Run) -> None:
    before = (met.folder / "ledger.jsonl").read_bytes()
    again = lissom.compress(tiny_workload(), budget=MET, output=met.folder, options=OPTIONS)
    assert again == met and (met.folder / "ledger.jsonl").read_bytes() == before


def test_other_settings_on_the_same_folder_are_refused_and_change_nothing(met: lissom.Run) -> None:
    (met.folder / "summary.json").write_text("{}")  # a refused start does not even write the reports anew
    before = {item: item.read_bytes() for item in met.folder.iterdir() if item.is_file()}
    with pytest.raises(LissomError, match="other settings"):
        lissom.compress(tiny_workload(), budget="size<=40%", output=met.folder, options=OPTIONS)
    with pytest.raises(LissomError, match="other settings"):
        lissom.compress(tiny_workload(), budget=MET, output=met.folder, options=replace(OPTIONS, seed=1))
    assert {item: item.read_bytes() for item in met.folder.iterdir() if item.is_file()} == before


def test_a_bundle_is_copied_where_it_is_wanted(met: lissom.Run, tmp_path: Path) -> None:
    place = met.save(tmp_path / "mon paquet 包")
    assert {item.name for item in place.iterdir()} == {item.name for item in met.bundle.iterdir()}
    with pytest.raises(LissomError, match="not empty"):
        met.save(place)
    (tmp_path / "file").write_text("x")
    with pytest.raises(LissomError, match="file"):
        met.save(tmp_path / "file")


def test_where_the_budget_is_missed_the_closest_is_delivered_and_said(missed: lissom.Run) -> None:
    found = summary(missed)
    assert not missed.met and found["met"] is False
    assert (missed.bundle / "model.onnx").exists()
    assert found["final"]["size_bytes"] < found["original"]["size_bytes"]
    by_name = {limit["limit"]: limit for limit in found["limits"]}
    assert not by_name["size"]["met"] and by_name["size"]["used"] > by_name["size"]["allowed"]
    assert "missed" in str(missed)
    assert any("narrowest" in note for note in Ledger(missed.folder).values("note"))


def test_the_model_that_was_given_is_not_changed(met: lissom.Run, given: Workload) -> None:
    before = tiny_workload().module.state_dict()
    assert all(torch.equal(before[name], tensor) for name, tensor in given.module.state_dict().items())
    assert not given.module.training


def refused(tmp_path: Path, said: str, workload: Workload | None = None, budget: str = MET) -> None:
    with pytest.raises(LissomError, match=said) as caught:
        lissom.compress(workload or tiny_workload(), budget=budget, output=tmp_path / "run", options=OPTIONS)
    assert len(str(caught.value).splitlines()) <= 4


def test_a_budget_that_does_not_parse_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    refused(tmp_path, "unknown measure", budget="sise<=2%")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="unknown target 'onnxruntme'") as caught:
        lissom.compress(tiny_workload(), budget=MET, target="onnxruntme", output=tmp_path / "run")
    assert "onnxruntime" in caught.value.hints[0] and list(tmp_path.iterdir()) == []


def test_a_budget_that_the_original_meets_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "meets the budget already", budget="size<=10MB")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, bad: float) -> None:
    workload = tiny_workload()
    with torch.no_grad():
        workload.module.get_parameter("features.3.bias")[3] = bad
    refused(tmp_path, r"tiny: .features\.3\.bias. has 1 values that are NaN or infinite", workload)


def test_a_model_that_guesses_is_refused(tmp_path: Path) -> None:
    model = fresh_net()
    with torch.no_grad():
        model.classifier.weight.zero_()
    refused(tmp_path, "guess", tiny_workload(model))


class Straying(nn.Module):
    """Answers otherwise than what is exported of it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = tiny_workload().module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.inner(x)
        return scores if torch.compiler.is_compiling() else scores.flip(1)


def test_an_artefact_that_differs_from_pytorch_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "differs from PyTorch", tiny_workload(Straying().eval()))


class Answering(nn.Module):
    """Fails in training mode, as a network does whose auxiliary head needs larger pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = tiny_workload().module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            raise RuntimeError("the picture is too small for the head\nin the middle")
        return self.inner(x)


def test_a_model_that_cannot_learn_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    refused(tmp_path, "tiny cannot be trained.* training mode: the picture is too small for the head\n",
            tiny_workload(Answering().eval()))  # fmt: skip
    assert "baseline" not in (tmp_path / "run" / "ledger.jsonl").read_text(encoding="utf-8")


def test_without_labels_agreement_is_the_guard(tmp_path: Path) -> None:
    workload, splits = tiny_workload(), drawn_splits()
    blind = Splits(*(Drawn(s.pictures, np.zeros_like(s.labels), labelled=False)
                     for s in (splits.train, splits.select, splits.test)))  # fmt: skip
    workload = replace(workload, splits=blind, labelled=False)
    run = lissom.compress(workload, budget="parameters<=60%, drop<=40pt", output=tmp_path / "run",
                          options=replace(OPTIONS, epochs=1))  # fmt: skip
    found = summary(run)
    assert found["original"]["score"] == 100.0, "the original agrees with itself"
    assert found["final"]["score"] == pytest.approx(found["agreement"])
    assert found["divergence"] > 0 and found["original"]["by_labels"] is found["final"]["by_labels"] is False
    assert "no labels were used" in " ".join(str(run).split()) and " agreement " in str(run).splitlines()[0]
    for place in ("report.html", "bundle/README.md"):
        assert "No labels were used" in (tmp_path / "run" / place).read_text(encoding="utf-8")


def test_a_time_limit_that_is_spent_before_the_first_trial_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "time_left", lambda ledger, limit_s: 0.0)
    options = lissom.Options(calibration=32, measure_s=0.02, time_limit_s=30, tries=1, compared=0)
    run = lissom.compress(
        tiny_workload(), budget="parameters<=60%, drop<=60pt", output=tmp_path / "run", options=options
    )
    note = Ledger(run.folder).find("note", "time limit")
    assert "the time limit of 30 s is shorter than one trial" in note and "give at least" in note
    assert (run.bundle / "model.onnx").exists(), "what can be had without a recovery is there"


def by_weights(artefact: Artefact) -> dict[str, float]:
    """Times of layers that go with how many weights they have."""
    weights = onnx.load(artefact.path).graph.initializer
    return {item.name: math.prod(item.dims) / 1e3 for item in weights if len(item.dims) > 1}


def made_up(runners: Iterable[str], share: float) -> dict[str, list[float]]:
    return {name: [1.0 if name == "original" else share] * 40 for name in runners}


def test_a_limit_on_latency_is_told_before_the_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timings of copies and layers are made up, so that there is a line to read, and a cut is needed."""
    shares = iter((0.5, 0.5, 1.0, *[0.5] * 20))  # the narrowest copy, one of half, the whole network, and others
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(OnnxRuntime, "layer_times", lambda self, artefact, *given, **more: by_weights(artefact))
    monkeypatch.setattr(
        probing,
        "timings",
        lambda runners, example, seconds: made_up(runners, next(shares)),
    )
    run = lissom.compress(tiny_workload(), budget="latency<=60%, drop<=60pt", output=tmp_path / "run", options=OPTIONS)
    ledger = Ledger(run.folder)
    assert ledger.find("grain") in (2, 4, 8) and ledger.find("layer times")["full"]
    assert {"minimum fp32", "middle fp32", "middle int8"} <= set(ledger.by_key("reach"))
    kinds = [record.kind for record in ledger]
    assert kinds.index("forecast") < kinds.index("trial")
    told = ledger.by_key("forecast of trial")["1"]
    assert told["expected"] > 0 and told["measured"] == ledger.all(Trial)[0].latency_ratio
    assert "at the median" in ledger.find("note", "forecast") and "latency told before" in str(run)


def test_where_a_number_format_alone_meets_the_limits_nothing_is_cut(tmp_path: Path) -> None:
    run = lissom.compress(tiny_workload(), budget="size<=80%, drop<=30pt", output=tmp_path / "run", options=OPTIONS)
    assert [trial.move for trial in Ledger(run.folder).all(Trial)] == ["quantize int8"]
    assert run.met and summary(run)["final"]["parameters"] == summary(run)["original"]["parameters"]
    assert not Ledger(run.folder).by_key("rung"), "no cut is judged either"


def test_a_time_limit_ends_with_the_best_so_far(tmp_path: Path) -> None:
    """So short that not even one epoch fits; the result is worse, and there."""
    options = lissom.Options(calibration=32, measure_s=0.02, time_limit_s=30, most_epochs=400, compared=0)
    run = lissom.compress(
        tiny_workload(), budget="parameters<=60%, drop<=60pt", output=tmp_path / "run", options=options
    )
    assert (run.bundle / "model.onnx").exists() and summary(run)["finished"]


class Rounding(OnnxRuntime):
    """A target whose INT8 is another model."""

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        other = copy.deepcopy(source.module)
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.mul_(-100)
        return replace(self.export(other, source.example, path), precision=INT8)


def test_int8_that_is_another_model_is_undone_and_the_run_goes_on(
    given: Workload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "find_target", lambda name: Rounding())
    run = lissom.compress(
        given, budget="drop<=5pt", output=tmp_path / "run", options=OPTIONS, plan=recipe("int8", given)
    )
    steps = summary(run)["steps"]
    refused = steps[-1]
    assert not refused["kept"] and refused["reason"].startswith("cannot be made: ") and refused["size_bytes"] is None
    assert run.met and summary(run)["final"]["score"] == summary(run)["original"]["score"]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "cannot be made" in page and "cannot be made" in str(run)
