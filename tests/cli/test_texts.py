"""``lissom compress --task text``: its own options, and those of pictures refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from lissom.core.ledger import Ledger
from lissom.steps.distillation.learning import ENCODERS
from lissom.testing.tiny_texts import write_text_model, write_texts

Lissom = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("des textes")
    write_text_model(made / "bert")
    write_texts(made / "phrases.csv")
    return made


def compressing(folder: Path, output: Path, *more: str, model: Path | None = None) -> list[str]:
    given = ["compress", f"hf:{model or folder / 'bert'}", "--data", str(folder / "phrases.csv"), "-o", str(output)]
    return [*given, "--budget", "parameters<=70%, drop<=30pt", "--epochs", "1", "--quick", *more]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--task", "text", "--size", "32"], "--size is of the task image, and the task is text"),
        (["--length", "16"], "--length is of the task text, and the task is image"),
        (["--text", "avis", "--label", "note"], "--text, --label is of the task text"),
        ([], "is a model of texts, and the task is image"),
        (["--task", "text", "--length", "99"], "more than the model takes"),
        (["--task", "text", "--metric", "f1"], "unknown metric 'f1'"),
        (["--task", "text", "--text", "avis"], "no column 'avis'"),
        (["--task", "text", "--label", "note"], "no column 'note'"),
        (["--task", "text", "--tokenizer", "nowhere.json"], "there is no tokenizer nowhere.json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_refusals(lissom: Lissom, folder: Path, tmp_path: Path, options: list[str], said: str) -> None:
    lissom(*compressing(folder, tmp_path / "run", *options)).is_refusal(said)
    assert not (tmp_path / "run").exists()


def test_a_recipe_is_printed_changed_and_read_again(lissom: Lissom, folder: Path, tmp_path: Path) -> None:
    task = ["--task", "text"]
    words = compressing(folder, tmp_path / "run", *task)
    done = lissom(*words, "--plan", "distilbert", "--print-plan")
    assert done.code == 0, done.err
    plan = json.loads(done.out)
    assert [step["step"] for step in plan[0]["steps"]] == ["drop_layers", "distill"]
    plan[0]["steps"][1]["rate"] = 2e-3
    changed = tmp_path / "plan.json"
    changed.write_text(json.dumps(plan), encoding="utf-8")
    words = [word for word in words if word not in ("--epochs", "1")]
    again = lissom(*words, "--plan", changed, "--print-plan")
    assert again.code == 0 and json.loads(again.out) == plan
    assert again.out.count("\n") < 30, "what fits on a line is one"
    lissom(*words, "--plan", "distilbert", "--texts", "x.txt").is_refusal("learns from no texts without labels")
    lissom(*words, "--plan", "tinybret", "--print-plan").is_refusal("no recipe and no file 'tinybret'")
    lissom(*words, "--plan", changed, "--epochs", "2").is_refusal("--epochs is said by the plan")
    augmented = lissom(*words, "--replaced", "0.25", "--views", "3", "--plan", "tinybert", "--print-plan")
    assert [step["views"] for step in json.loads(augmented.out)[0]["steps"] if step["step"] == "distill"] == [1, 3]
    lissom(*words, "--replaced", "1.5", "--plan", "tinybert").is_refusal("a share of 1.5 replaced words")
    plan[0]["steps"][1]["teachers"] = ["hf:nowhere"]
    changed.write_text(json.dumps(plan), encoding="utf-8")
    lissom(*words, "--plan", changed).is_refusal("there is no folder nowhere")
    changed.write_text('{"steps": []}', encoding="utf-8")
    lissom(*words, "--plan", changed).is_refusal("a plan is a list of moves")
    changed.write_text('{"a":' * 5000, encoding="utf-8")
    lissom(*words, "--plan", changed).is_refusal("is not JSON")
    changed.write_bytes(b"\xef\xbb\xbf[1]")
    lissom(*words, "--plan", changed).is_refusal("this is no move: 1")
    changed.write_text('[{"name": "\\ud800", "steps": [{"step": "nothing"}]}]', encoding="utf-8")
    lissom(*words, "--plan", changed).is_refusal("a move is called '\\ud800'")
    changed.write_text("[]", encoding="utf-8")
    lissom(*words, "--plan", changed).is_refusal("holds no moves")
    assert not (tmp_path / "run").exists()


def test_a_model_of_texts_meets_a_budget_and_reads_a_sentence(lissom: Lissom, folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    options = ["--task", "text", "--length", "16", "--text", "text", "--label", "label", "--metric", "macro-f1"]
    options += ["--tokenizer", str(folder / "bert")]
    done = lissom(*compressing(folder, run, *options))
    assert done.code == 0, done.err
    assert "met" in done.out
    recoveries = [step for move in Ledger(run).values("move") for step in move["steps"] if "rate" in step]
    assert recoveries and all((step["rate"], step["batch"]) == ENCODERS for step in recoveries)
    told = lissom("predict", run / "bundle", "this film is brave and lovely")
    assert told.code == 0 and "positive" in told.out
    smaller = lissom(
        *compressing(folder, tmp_path / "again", "--task", "text", "--dry-run", model=run / "transformers")
    )
    assert smaller.code == 0, smaller.err
    sizes = [(path / "model.safetensors").stat().st_size for path in (run / "transformers", folder / "bert")]
    assert sizes[0] < 0.9 * sizes[1]
