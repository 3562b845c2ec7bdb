"""What the scripts in benchmarks/ have in common."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
ROWS = 40
ADDER = f"""
import sys
from pathlib import Path
from adding import added

for number in range({ROWS}):
    with added(Path(sys.argv[1])) as results:
        results.setdefault("rows", []).append([sys.argv[2], number])
"""


Script = Callable[[str], Any]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """A script by its name; they are in no package."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def test_processes_that_add_at_a_time_lose_no_row(tmp_path: Path) -> None:
    path = tmp_path / "results" / "rows.json"
    command = [sys.executable, "-c", ADDER, str(path)]
    running = [subprocess.Popen([*command, name], cwd=BENCHMARKS) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert sorted(rows) == [[name, number] for name in "abc" for number in range(ROWS)]
    assert [item.name for item in path.parent.iterdir()] == ["rows.json"]


def test_an_error_on_the_way_writes_nothing(tmp_path: Path, script: Script) -> None:
    path, adding = tmp_path / "rows.json", script("adding")
    with adding.added(path) as results:
        results["rows"] = [1]
    with pytest.raises(RuntimeError), adding.added(path) as results:
        results["rows"] = []
        raise RuntimeError
    assert adding.known(path) == {"rows": [1]}
    with adding.added(path) as results:  # the lock is free again
        results["rows"].append(2)
    assert adding.known(path) == {"rows": [1, 2]} and adding.known(tmp_path / "none.json") == {}


def test_students_are_told_by_what_is_cut(script: Script) -> None:
    told = script("distillation_students").told
    assert told("DistilBERT-style") == "3 of 6 layers"
    assert told("TinyBERT-style") == "3 of 6 layers, 4 of 12 heads, 576 of 1,536 feed-forward units"
    shorter, longer = told("narrow TinyBERT-style"), told("narrow TinyBERT-style for longer")
    assert longer == shorter.replace("8 epochs", "24 epochs") != shorter


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ({"labels": 3, "logits": 3}, ""),
        ({"labels": 3, "logits": 1, "dist": 1}, "Some arms were run with 1 of 3 seeds so far: differences"),
        (
            {"labels": 3, "logits": 2, "dist": 1},
            "with fewer than 3 seeds so far (small from the teacher's answers alone: 2; small from DIST: 1)",
        ),
    ],
)
def test_few_seeds_are_told_by_arm_where_they_differ(script: Script, seeds: dict[str, int], said: str) -> None:
    runs = [{"student": "small", "arm": arm} for arm, count in seeds.items() for _ in range(count)]
    found = " ".join(script("distillation_page")._few(runs))
    assert said in found if said else not found


def scored(bleu: float) -> dict[str, Any]:
    return {"bleu": bleu, "chrf": 60.0, "signature": "plain"}


def translations_of(bleu: float) -> dict[str, Any]:
    return {"size_bytes": 2_000_000, "beams 1": scored(bleu), "beams 4": scored(bleu + 1)}


def times_of(*names: str) -> dict[str, Any]:
    faster = {name: {"median": 2.0 + place, "5_to_95": [1.9, 9.9]} for place, name in enumerate(names)}
    return {
        "sentences": 3,
        "ms": dict.fromkeys(names, 1.0),
        "times_as_fast": faster,
        "per_sentence_in_batches_ms": dict.fromkeys(names, 0.5),
    }


@pytest.mark.parametrize("listed", [False, True])
def test_what_a_shortlist_costs_and_brings_is_told_where_it_was_measured(
    script: Script, listed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = script("translation_page")
    monkeypatch.setattr(page, "RESULTS", tmp_path / "translation.json")
    models: dict[str, Any] = {
        name: {"parameters": parameters, "fp32": translations_of(bleu), "int8": translations_of(bleu - 0.2)}
        for name, parameters, bleu in (
            ("teacher", 100, 38.0),
            ("distilled-0", 20, 37.0),
            ("references-0", 20, 35.0),
            ("references-1", 20, 1.4),
        )
    }
    names = ["teacher fp32", "distilled-0 fp32"]
    lost = {"drop": 0.15, "interval": [0.05, 0.25]}
    found: dict[str, Any] = {
        "settings": {"teacher": "--words 4000", "student": "--width 96", "beams": 4},
        "models": models,
        "drops": {f"{name} {kind}, beams 1": lost for name in models for kind in ("fp32", "int8")},
        "drops_of_shortlists": {},
        "equal": {},
        "machine": {"processor": "a processor", "cores": 2, "versions": {"onnxruntime": "1"}},
    }
    if listed:
        sizes = {kind: {"size_bytes": 2_300_000, "beams 1": scored(36.85)} for kind in ("fp32", "int8")}
        models["distilled-0"]["shortlist"] = {"first": 100, "best": 50, "words": 316.2, "held": 0.95, **sizes}
        found["drops_of_shortlists"] = {f"distilled-0 {kind}": lost for kind in ("fp32", "int8")}
        names.append("distilled-0 fp32, shortlist")
    found["times"] = times_of(*names)
    page.RESULTS.write_text(json.dumps(found), encoding="utf-8")
    text = "\n".join(page.section())
    assert "The student is 3.0 times as fast" in text, "by the student itself"
    assert "gives +2.0 BLEU over references" in text and "references, seed 1 did not learn (1.4 BLEU)" in text
    said = (
        "- With a lexical shortlist (the 100 most frequent words, and for each word the 50 likeliest) distilled, "
        "seed 0 scores 316 words a sentence, which hold 95.0% of the references' words: FP32 36.9 BLEU, "
        "0.15 (0.05 to 0.25) below all words"
    )
    assert (said in text) == listed and ("| distilled-0 fp32, shortlist |" in text) == listed


@pytest.mark.slow
def test_a_student_is_scored_with_a_shortlist_beside_it(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("sacrebleu")
    from lissom.testing.tiny_translation import tiny_translator

    made = script("translation")
    ask, asked = made.said_to, set[int]()
    monkeypatch.setattr(made, "said_to", lambda *given: asked.add(len(given[2])) or ask(*given))
    found = made.with_shortlist(tiny_translator(learnt=True), tmp_path)
    assert asked == {1}, "sentences that are asked together have one list"
    assert found["held"] == 1.0 and 0 < found["words"] <= 19
    for precision in ("fp32", "int8"):
        assert found[precision]["beams 1"]["bleu"] > 90
        files = [
            tmp_path / "onnx" / f"{precision}-shortlist{end}" for end in (".onnx", ".decoder.onnx", ".shortlist.npz")
        ]
        assert found[precision]["size_bytes"] == sum(file.stat().st_size for file in files)
    plain = made._without_grades({"model": found})["model"]
    assert "grades" not in plain["fp32"]["beams 1"] and plain["held"] == 1.0
    assert made._drop(found["fp32"]["beams 1"], found["fp32"]["beams 1"])["drop"] == 0.0


@pytest.mark.parametrize("listed", [False, True])
def test_scores_are_put_together_with_and_without_a_shortlist(
    script: Script, listed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sacrebleu")
    made, page = script("translation"), script("translation_page")
    for module in (made, page):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results.json")
    graded = {**scored(40.0), "grades": [[4, 3, 2, 1, 5, 4, 3, 2, 5, 5], [5, 4, 3, 2, 5, 4, 3, 2, 5, 5]]}
    precision = {"size_bytes": 2_000_000, "beams 1": graded, "beams 4": graded}
    for name in ("teacher", "distilled-0", "references-0"):
        scores: dict[str, Any] = {"parameters": 100, "test": 2, "fp32": precision, "int8": precision}
        if listed and name == "distilled-0":
            scores["shortlist"] = {"first": 100, "best": 100, "words": 9.0, "held": 1.0}
            scores["shortlist"] |= {"fp32": precision, "int8": precision}
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").touch()
        (tmp_path / name / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    made.write(tmp_path)
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert "grades" not in json.dumps(found) and found["drops"]["distilled-0 int8, beams 4"]["drop"] == 0.0
    assert list(found["drops_of_shortlists"]) == (["distilled-0 fp32", "distilled-0 int8"] if listed else [])
    assert ("With a lexical shortlist" in "\n".join(page.section())) == listed
