"""summary.json: what machines read."""

import json
from pathlib import Path

from lissom.report.summary import summary, write_summary
from lissom.report.view import read

FIGURES = {
    "score", "score_interval", "latency_ms", "latency_interval_ms", "size_bytes", "macs", "parameters",
    "peak_memory_bytes",
}  # fmt: skip


def test_a_met_run_has_every_promised_field(met_run: Path) -> None:
    content = summary(read(met_run))
    assert content["schema"] == 1 and content["met"] is True and content["finished"] is True
    assert content["budget"] == "size<=2%, latency<=15%, drop<=0.5pt"
    assert content["target"] == "onnxruntime"
    assert FIGURES.issubset(content["original"]) and FIGURES.issubset(content["final"])
    assert content["original"]["split"] == content["final"]["split"] == "test"
    assert content["drop"] == 0.23 and content["drop_interval"] == [-0.11, 0.52]
    assert content["latency_ratio"] == 0.09 and len(content["latency_ratio_interval"]) == 2
    assert [limit["limit"] for limit in content["limits"]] == ["size", "latency", "drop"]
    assert content["seconds"] == 402.0
    assert content["machine"]["processor"] == "Fixture CPU @ 2.00GHz"


def test_without_labels_it_says_so(unlabelled_run: Path) -> None:
    content = summary(read(unlabelled_run))
    assert content["original"]["by_labels"] is content["final"]["by_labels"] is False
    assert content["agreement"] == 98.8 and content["divergence"] == 0.0123


def test_every_step_has_its_decision_and_its_figures(met_run: Path) -> None:
    steps = summary(read(met_run))["steps"]
    assert [step["kept"] for step in steps] == [True, True, False, False, True]
    assert [step["delivered"] for step in steps] == [False, False, False, False, True]
    assert steps[2]["name"] == "factorize features.15"
    assert steps[2]["reason"] == "not faster on onnxruntime (0.98x to 1.03x)"
    assert all((FIGURES | {"drop", "drop_interval", "latency_ratio"}).issubset(step) for step in steps)
    assert steps[2]["score"] == 92.9 and steps[2]["split"] == "select"


def test_a_move_that_broke_has_no_figures(missed_run: Path) -> None:
    content = summary(read(missed_run))
    assert content["met"] is False
    broken = content["steps"][1]
    assert broken["kept"] is False and broken["score"] is None and broken["latency_ratio"] is None


def test_an_unfinished_run_claims_nothing(unfinished_run: Path) -> None:
    content = summary(read(unfinished_run))
    assert content["met"] is None and content["finished"] is False
    assert content["final"] is None and content["drop"] is None and content["seconds"] is None
    assert content["original"]["split"] == "select"


def test_the_file_is_plain_json_and_the_same_again(any_run: Path) -> None:
    path = write_summary(read(any_run))
    assert path == any_run / "summary.json"
    first = path.read_text(encoding="utf-8")
    assert json.loads(first) == summary(read(any_run))
    write_summary(read(any_run))
    assert path.read_text(encoding="utf-8") == first
