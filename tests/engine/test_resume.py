"""A run that is killed by SIGKILL ten times comes to the same end, and measures nothing twice."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import Trial

ONCE = (
    *("settings", "machine", "baseline", "analysis", "probe", "rung", "step", "artefact"),
    *("move", "trial", "go on", "verdict", "end"),
)
DRIVER = Path(__file__).with_name("driver.py")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    done = subprocess.run([sys.executable, str(DRIVER), str(root)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return root


@pytest.fixture(scope="module")
def codes(runs: Path) -> dict[str, Any]:
    return json.loads((runs / "codes.json").read_text(encoding="utf-8"))


def decisions(folder: Path) -> list[Any]:
    trials = Ledger(folder).all(Trial)
    return [(trial.number, trial.move, trial.steps, trial.kept, trial.reason, trial.drop) for trial in trials]


def test_ten_kills_at_ten_moments(codes: dict[str, Any]) -> None:
    assert codes["killed"] == [-signal.SIGKILL] * 10
    assert len(set(codes["moments"])) == 10


def test_the_resumed_run_ends_as_the_uninterrupted_one(codes: dict[str, Any]) -> None:
    assert codes["whole"] == codes["resumed"] == 0, "the budget is met"


def test_what_was_written_is_never_written_again(codes: dict[str, Any], runs: Path) -> None:
    whole = (runs / "killed" / "ledger.jsonl").read_text(encoding="utf-8")
    for kept in codes["kept"]:
        assert whole.startswith(kept)


def test_nothing_is_measured_twice(runs: Path) -> None:
    counted = Counter((record.kind, record.key) for record in Ledger(runs / "killed") if record.kind in ONCE)
    assert {key: count for key, count in counted.items() if count > 1} == {}
    assert {kind for kind, _ in counted} == set(ONCE)


def test_the_same_things_are_measured(runs: Path) -> None:
    for kind in ("probe", "rung", "step", "move", "trial", "go on", "reach"):
        keys = [{record.key for record in Ledger(runs / name) if record.kind == kind} for name in ("whole", "killed")]
        assert keys[0] == keys[1] != set(), kind


def test_the_same_decisions_and_the_same_plan_follow(runs: Path) -> None:
    whole, killed = runs / "whole", runs / "killed"
    assert decisions(whole) == decisions(killed)
    for kind in ("move", "delivered", "rung"):
        assert Ledger(whole).values(kind) == Ledger(killed).values(kind) != [], kind


def test_the_same_network_is_delivered(runs: Path) -> None:
    files = [(runs / name / "bundle" / "model.onnx").read_bytes() for name in ("whole", "killed")]
    assert files[0] == files[1]


def test_a_finished_run_is_given_back_without_a_line(codes: dict[str, Any]) -> None:
    assert codes["again"] == 0, "the first line would have been its death"


def test_all_that_a_run_leaves_is_there(runs: Path) -> None:
    for name in ("whole", "killed"):
        left = {item.name for item in (runs / name).iterdir()}
        assert {"ledger.jsonl", "summary.json", "report.html", "bundle"} <= left
        assert not list((runs / name).rglob("*.part")), "nothing half written is left"
