"""A Marian with its tokenizer and sentence pairs as a workload, and what is refused before any work."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

import lissom
from lissom.core.errors import LissomError
from lissom.tasks.generating import said
from lissom.testing.tiny_translation import draw_pairs, tiny_marian, untrained_marian, write_pairs, write_translator


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_translator(tmp_path_factory.mktemp("translator"), tiny_marian())


def load(folder: Path, pairs: list[tuple[str, str]], **options: Any) -> Any:
    path = write_pairs(folder / "pairs.jsonl", pairs)
    return lissom.load(f"hf:{folder}", data=str(path), task="translation", **options)


def test_a_workload_is_scored_by_what_the_model_says(folder: Path) -> None:
    from lissom.layers.sequence_runner import ModuleRunner

    workload = load(folder, draw_pairs(60, 7))
    assert [len(part) for part in (workload.splits.train, workload.splits.select, workload.splits.test)] == [42, 6, 12]
    assert workload.notes[0] == "score: nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    batch = workload.splits.test.take(range(8))
    answers = said(ModuleRunner(workload.module), [tensor.numpy() for tensor in batch.inputs], workload.handling)
    texts, wanted = workload.task.texts(answers), workload.splits.test.texts[:8]
    assert texts == wanted
    assert workload.task.score(workload.task.measure.grade(texts, wanted)) == pytest.approx(100)
    assert workload.splits.test.names[0].split()[0] in ("one", "two", "three", "four", "five", "six", "seven", "eight")
    loss = workload.task.loss(workload.module(*batch.inputs), batch.targets)
    assert 0 < loss < 1


def test_exchanged_columns_are_noticed_by_the_models_own_scores(folder: Path) -> None:
    with pytest.raises(LissomError, match="the wrong way round") as refused:
        load(folder, [(target, source) for source, target in draw_pairs(60, 7)])
    assert "exchange the two columns" in str(refused.value)


def test_another_script_is_noticed(folder: Path) -> None:
    signs = "日月火水木金土山"
    pairs = [
        (" ".join(signs[len(word)] for word in source.split()) + f" {number}", target)
        for number, (source, target) in enumerate(draw_pairs(60, 7))
    ]
    with pytest.raises(LissomError, match="vocabulary lacks most of the sentences"):
        load(folder, pairs)


def test_sentences_of_one_word_and_of_a_thousand(folder: Path) -> None:
    long, other = ((" ".join([a] * 1000), " ".join([b] * 1000)) for a, b in (("one", "eins"), ("two", "zwei")))
    parts = {
        "train": [*draw_pairs(40, 7), ("one", "eins"), long],
        "select": draw_pairs(9, 8),
        "test": [("six", "sechs"), other],
    }
    workload = lissom.load(f"hf:{folder}", data=parts, task="translation")
    assert len(workload.splits.train) == 41
    assert "1 of 42 pairs of train are too long and were left out" in workload.notes
    assert "1 of 2 pairs of test are too long and were cut at their end" in workload.notes
    sources, _, tokens = workload.splits.test.take([0, 1]).inputs
    assert sources.shape[1] == workload.handling["wording"]["length"] == 24
    assert tokens.shape[1] == workload.handling["rules"]["longest"] - 1
    with pytest.raises(LissomError, match="a length of 99 tokens is more than the model takes"):
        lissom.load(f"hf:{folder}", data=parts, task="translation", length=99)


def test_what_is_no_translator_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="is no encoder-decoder of texts: a Linear"):
        lissom.load(
            torch.nn.Linear(2, 2), data={"train": draw_pairs(9, 1), "test": draw_pairs(4, 2)}, task="translation"
        )
    with pytest.raises(LissomError, match="'en' are not two languages"):
        load(folder, draw_pairs(20, 1), languages="en")
    bare = tmp_path / "bare"
    untrained_marian().save_pretrained(bare)
    with pytest.raises(LissomError, match="there is no tokenizer in"):
        lissom.load(f"hf:{bare}", data={"train": draw_pairs(9, 1), "test": draw_pairs(4, 2)}, task="translation")


def test_an_original_that_says_something_else_is_refused(tmp_path: Path) -> None:
    folder = write_translator(tmp_path / "fresh", untrained_marian())
    workload = load(folder, draw_pairs(40, 3))
    answers = torch.full((4, 16), -1).numpy()
    answers[:, :2] = [[3, 5]] * 4
    from lissom.workload.codes import as_codes

    with pytest.raises(LissomError, match="does not know its task"):
        workload.task.check(answers, as_codes(list(workload.splits.test.texts[:4])))
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"] == "marian"
