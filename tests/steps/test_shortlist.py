"""The step shortlist: refused where it cannot be, noted where it is, and judged by the engine like a number format."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

from tokenizers import Tokenizer, models

import lissom
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Trial
from lissom.engine.benching import check_bundles
from lissom.plan.move import Move, Plan, plan_from_json
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.shortlist.lexical import LexicalShortlist, lists_of
from lissom.steps.step import step_from_json
from lissom.targets.target import Artefact
from lissom.testing.bundles import predict_alone
from lissom.testing.tiny import tiny_context, tiny_workload
from lissom.testing.tiny_translation import END, ENGLISH, GERMAN, SPECIAL, tiny_translator

WORDS = {word: number for number, word in enumerate((*SPECIAL, *ENGLISH, *GERMAN))}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("setting", ["first", "best"])
def test_no_words_are_refused(setting: str) -> None:
    with pytest.raises(LissomError, match=f"{setting} of the step shortlist is 0"):
        step_from_json({"step": "shortlist", setting: 0})


def test_a_plan_names_it() -> None:
    plan = plan_from_json([{"name": "list", "steps": [{"step": "shortlist", "best": 50, "first": 20}]}])
    assert plan.moves[0].steps == (LexicalShortlist(first=20, best=50),) and plan.moves[0].changes_format_alone


def test_another_task_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    plan = Plan((Move.of(LexicalShortlist()),))
    with pytest.raises(LissomError, match="a shortlist is for translators, and the task of tiny is image"):
        lissom.compress(tiny_workload(), budget="size<=90%", output=tmp_path / "run", plan=plan)
    assert not (tmp_path / "run").exists()
    with pytest.raises(LissomError, match="is for translators"):
        LexicalShortlist().apply(
            Artefact(tmp_path / "x.onnx"), tiny_workload(), tiny_context(tmp_path, tiny_workload())
        )


def test_an_artefact_without_a_decoder_is_refused(tmp_path: Path) -> None:
    workload = tiny_translator()
    with pytest.raises(LissomError, match=r"whole\.onnx has no decoder that runs step by step"):
        LexicalShortlist().apply(Artefact(tmp_path / "whole.onnx"), workload, tiny_context(tmp_path, workload))


def test_its_lists_are_the_dictionary_of_the_training_pairs() -> None:
    workload = tiny_translator()
    lists = lists_of(workload, first=2, best=1)
    assert lists.copied and END in lists.always and len(lists.always) == 3
    found = [lists.likely[WORDS[word]].tolist() for word in ENGLISH]
    assert found == [[WORDS[word]] for word in GERMAN]


@pytest.mark.parametrize(("target", "copied"), [(("one", "eins"), True), (("eins", "one"), False), (("one",), False)])
def test_words_are_copied_where_both_languages_have_one_numbering(target: tuple[str, ...], copied: bool) -> None:
    """As both tokenizers of a Marian have, though the pieces of the other language are never taken in either."""
    sides = [unigrams(-1.0, "one", "eins"), unigrams(-9.0, *target)]
    assert sides[0] != sides[1]
    workload = replace(tiny_translator(), files={"source.json": sides[0], "target.json": sides[1]})
    assert lists_of(workload).copied == copied


def unigrams(score: float, *pieces: str) -> bytes:
    made = Tokenizer(models.Unigram([("<unk>", 0.0), *((piece, score) for piece in pieces)], unk_id=0))
    return made.to_str().encode("utf-8")


@pytest.mark.slow
def test_a_run_keeps_or_undoes_it_by_what_it_measures(tmp_path: Path) -> None:
    workload = tiny_translator(learnt=True)
    plan = Plan((Move.of(QuantizeInt8()), Move.of(LexicalShortlist(first=1, best=1))))
    options = lissom.Options(measure_s=0.02)
    budget = "size<=90%, drop<=100pt"
    run = lissom.compress(workload, budget=budget, output=tmp_path / "run", options=options, plan=plan)
    ledger = Ledger(run.folder)
    trials = ledger.all(Trial)
    assert [trial.move for trial in trials] == ["quantize int8", "shortlist of the 1 likeliest words"]
    int8, listed = (trial.figures for trial in trials)
    assert int8 is not None and listed is not None and listed.size_bytes > int8.size_bytes, "the lists are counted"
    assert any("words a sentence hold" in note for note in trials[1].notes)
    reason = trials[1].reason
    assert "the speed" in reason and trials[1].kept == ("not faster" not in reason)
    delivered: Any = ledger.find("delivered")
    held = {file.name for file in run.bundle.glob("model.*")}
    assert ("model.shortlist.npz" in held) == (delivered["trial"] == 2)


@pytest.mark.slow
def test_its_bundle_is_whole_and_translates(tmp_path: Path) -> None:
    workload = tiny_translator(learnt=True)
    plan = Plan((Move("all", (QuantizeInt8(), LexicalShortlist(first=1, best=1))),))
    options = lissom.Options(measure_s=0.02)
    budget = "size<=90%, drop<=100pt"
    run = lissom.compress(workload, budget=budget, output=tmp_path / "run", options=options, plan=plan)
    assert (run.bundle / "model.shortlist.npz").is_file() and not check_bundles([run.bundle])[0][str(run.bundle)]
    size = sum(file.stat().st_size for file in run.bundle.glob("model.*"))
    assert Ledger(run.folder).find("verdict")["final"]["size_bytes"] == size  # pyright: ignore[reportOptionalSubscript]
    done = predict_alone(run.bundle, "--verify", "--json", "one two three", "eight eight one five")
    assert done.returncode == 0, done.stderr
    verified, *found = [json.loads(line) for line in done.stdout.splitlines()]
    assert verified["ok"] and [item["translation"] for item in found] == ["eins zwei drei", "acht acht eins fuenf"]
    with np.load(run.bundle / "model.shortlist.npz", allow_pickle=False) as kept:
        assert sorted(kept) == ["always", "copied", "likely", "starts"]
