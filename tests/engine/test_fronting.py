"""A front in one run, and another point of it without new work."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import lissom
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.engine import fronting, ladder
from lissom.engine.fronting import FrontSearch, plan_for, points_of
from lissom.engine.ladder import FRONT, Rung
from lissom.engine.moves import Mover
from lissom.engine.planning import Prepared
from lissom.engine.trials import State
from lissom.plan.budget import parse_budget
from lissom.plan.move import plan_from_json
from lissom.report.view import read
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.testing import tiny_workload
from lissom.testing.tiny import residual_workload

OPTIONS = lissom.Options(epochs=1, calibration=32, measure_s=0.01, front=True, multiple=1, compared=0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> lissom.Run:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("front")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxRuntime, "peak_memory_bytes", lambda *given, **settings: 1_000_000)  # a process each
        return lissom.compress(tiny_workload(), budget="drop<=40pt", output=folder, options=OPTIONS)


def test_every_size_is_tried_in_both_formats(run: lissom.Run) -> None:
    uncut, *trials = Ledger(run.folder).all(Trial)
    assert uncut.move == "quantize int8" and len(uncut.steps) == 1, "no point of a front is cut for nothing"
    assert len(trials) >= 6 and len(trials) % 2 == 0
    parameters = [trial.figures.parameters for trial in trials[::2] if trial.figures]
    assert len(set(parameters)) == len(parameters) == len(FRONT)
    assert [trial.move.endswith("int8") for trial in trials] == [False, True] * (len(trials) // 2)


def test_what_is_shown_as_the_front_is_not_beaten(run: lissom.Run) -> None:
    shown = read(run.folder).front
    points = {point.number: point for point in points_of(Ledger(run.folder), parse_budget("drop<=40pt"))}
    assert shown and all(not points[number].beaten_by(other) for number in shown for other in points.values())


def test_another_budget_means_another_point(run: lissom.Run) -> None:
    ledger = Ledger(run.folder)
    sizes = {trial.number: trial.figures.size_bytes for trial in ledger.all(Trial) if trial.figures}
    smallest = min(sizes, key=lambda number: sizes[number])
    plan = plan_for(ledger, parse_budget(f"size<={sizes[smallest]}B, drop<=100pt"))
    assert plan == plan_from_json(ledger.find("plan", str(smallest)) or [])


def test_another_point_is_delivered_without_training(
    run: lissom.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lissom.core.progress import Progress
    from lissom.core.records import Settings
    from lissom.engine.compress import Job, compress
    from lissom.plan.budget import parse_budget
    from lissom.steps.distillation.distill import Distill
    from lissom.targets.onnx_runtime import OnnxRuntime

    monkeypatch.setattr(Distill, "apply", lambda *args: pytest.fail("it was trained again"))
    earlier = Ledger(run.folder)
    budget = parse_budget("size<=60%, drop<=100pt")
    settings = earlier.get(Settings)
    assert settings is not None
    plan = plan_for(earlier, budget)
    job = Job(
        tiny_workload(), budget, OnnxRuntime(), tmp_path, settings, OPTIONS, Progress(False), plan, earlier=run.folder
    )
    assert compress(job)
    assert (tmp_path / "bundle" / "predict.py").exists()
    with pytest.raises(LissomError, match="were made by a Python program"):
        lissom.api.apply_plan(run.folder, budget=str(budget), output=tmp_path / "again")


def test_a_budget_of_the_drop_alone_needs_a_front(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="limits only the drop"):
        lissom.compress(tiny_workload(), budget="drop<=1pt", output=tmp_path)
    with pytest.raises(LissomError, match="nothing new to apply"):
        lissom.api.apply_plan(tmp_path, output=tmp_path / "x")


def test_a_time_limit_that_is_used_up_leaves_cuts_out_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnnxRuntime, "peak_memory_bytes", lambda *given, **settings: 1_000_000)
    monkeypatch.setattr(Mover, "time_left", lambda self: 0.0)
    lissom.compress(tiny_workload(), budget="drop<=40pt", output=tmp_path / "run", options=OPTIONS)
    ledger = Ledger(tmp_path / "run")
    cuts = {trial.move.split()[1] for trial in ledger.all(Trial) if trial.move.startswith("prune")}
    assert len(cuts) == 1
    (note,) = (note for note in ledger.values("note") if "cuts out" in note)
    assert note.startswith("the time limit left ")


def test_methods_are_tried_beside_the_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnnxRuntime, "peak_memory_bytes", lambda *given, **settings: 1_000_000)
    monkeypatch.setattr(ladder, "FRONT", FRONT[:3])
    options = replace(OPTIONS, methods=("prune", "depth"))
    workload = replace(residual_workload(), labelled=False)
    lissom.compress(workload, budget="drop<=40pt", output=tmp_path / "run", options=options)
    ledger = Ledger(tmp_path / "run")
    steps = {trial.move: [step["step"] for step in trial.steps] for trial in ledger.all(Trial)}
    assert steps["drop 1 layers + repair + distill"] == ["drop_layers", "reconstruct", "distill"]
    assert any(name.startswith("prune") for name in steps)
    assert all(item["what"] != "depth" for item in ledger.values("skipped"))


def test_what_lost_least_is_tried_first_and_what_is_far_off_gets_less_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, float]] = []
    tried: Any = SimpleNamespace(state=State(), trial=SimpleNamespace(move="", drop=0.0))
    trials: Any = SimpleNamespace(tried=[], try_move=lambda *given, **more: tried)
    mover: Any = SimpleNamespace(
        has_int8=False,
        time_left=lambda: 60.0,
        recorded=lambda number, make: make(),
        cut=lambda number, rung, formats, share: asked.append((rung.name, share)),
    )
    monkeypatch.setattr(fronting, "points_of", lambda *given: [])
    monkeypatch.setattr(fronting, "best_of", lambda made: tried)
    rungs = [Rung(f"lost {drop:g}", {}, 0.5, drop, ()) for drop in (50.0, 1.0, 2.5)]
    FrontSearch(Ledger(tmp_path), mover, trials, parse_budget("drop<=1pt")).run(Prepared(rungs, 2.5, "fp32"))
    assert [name for name, _ in asked] == ["lost 1", "lost 2.5", "lost 50"]
    assert [share for _, share in asked] == pytest.approx([1 / 2.05, 1 / 1.05, 1.0])
