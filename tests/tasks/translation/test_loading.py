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
from lissom.layers.sequence_model import SequenceModel
from lissom.tasks.generating import said
from lissom.tasks.translation import directions
from lissom.tasks.translation.handling import Words
from lissom.testing.tiny_translation import (
    draw_pairs,
    tiny_marian,
    tiny_translation_workload,
    untrained_marian,
    write_pairs,
    write_translator,
)
from lissom.testing.tiny_translators import END, WRITTEN, framed_tokenizer, tiny_translator, write_said
from lissom.testing.tiny_translators import write_translator as write_other


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


def test_latency_is_that_of_several_sentences_of_the_usual_length(folder: Path) -> None:
    workload = load(folder, draw_pairs(200, 7))
    select = workload.splits.select
    lengths = sorted(len(source) for source in select.sources)
    found = [timed[0].shape[1] for timed in workload.timed]
    assert len(found) == 8 < len(lengths) and found[0] == lengths[len(lengths) // 2]
    nearest = sorted(abs(length - found[0]) for length in lengths)
    assert max(abs(length - found[0]) for length in found) <= nearest[7] + 1
    assert all(torch.equal(*pair) for pair in zip(workload.timed[0], workload.example, strict=True))
    few = load(folder, draw_pairs(20, 7))
    assert 1 <= len(few.timed) == len(few.splits.select)


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
    with pytest.raises(LissomError, match="a length of 0 tokens is not possible"):
        lissom.load(f"hf:{folder}", data=parts, task="translation", length=0)
    for beams in (0, 65):
        with pytest.raises(LissomError, match=f"{beams} beams are not possible"):
            lissom.load(f"hf:{folder}", data=parts, task="translation", beams=beams)


def test_the_direction_is_judged_a_few_whole_pairs_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, int]] = []
    plain: Any = SequenceModel.forward

    def forward(module: SequenceModel, source: torch.Tensor, *more: torch.Tensor) -> torch.Tensor:
        shapes.append((source.shape[0], source.shape[1] + more[-1].shape[1]))
        return plain(module, source, *more)

    monkeypatch.setattr(SequenceModel, "forward", forward)
    monkeypatch.setattr(directions, "_PLACES", 40)
    long = (" ".join(["one"] * 12), " ".join(["eins"] * 12))
    cut = (" ".join(["two"] * 30), "zwei")
    parts = {"train": draw_pairs(40, 7), "select": [*draw_pairs(9, 8), long, cut], "test": draw_pairs(9, 9)}
    loaded = lissom.load(f"hf:{folder}", data=parts, task="translation")
    assert len(loaded.splits.select) == 11
    assert max(rows * places for rows, places in shapes) <= 44, "with the tokens around them"
    assert sum(rows for rows, _ in shapes) == 2 * 10, "each both ways, but the one that is cut"
    shapes.clear()
    lissom.load(f"hf:{folder}", data={**parts, "select": [cut]}, task="translation")
    assert not shapes, "of a part of a sentence nothing is known"


@torch.no_grad()
def test_the_loss_of_pairs_in_groups_is_that_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    workload = tiny_translation_workload()
    split, losses = workload.splits.select, list[float]()
    for places in (16, 10_000):
        monkeypatch.setattr(directions, "_PLACES", places)
        pairs = list(zip(split.sources, split.answers, strict=True))
        losses.append(directions._loss(workload.module, split, pairs))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_sentences_become_tokens_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    plain: Any = Words.read

    def read(words: Words, sentences: Any) -> Any:
        counts.append(len(sentences))
        return plain(words, sentences)

    monkeypatch.setattr(Words, "read", read)
    load(folder, draw_pairs(60, 7))
    assert counts == [42, 6, 12, 6, 6], "the last two tell the direction"


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


def said_by(folder: Path, module: Any, tokenizer: str, **options: Any) -> Any:
    """The workload of sentences and what a model says to them."""
    write_other(folder, module, tokenizer)
    data = write_said(folder / "said.jsonl", module, [source for source, _ in draw_pairs(40, 3)], tokenizer)
    return lissom.load(f"hf:{folder}", data=str(data), task="translation", **options)


def test_a_model_of_many_languages_has_to_be_told_which_it_writes(tmp_path: Path) -> None:
    tokenizer = framed_tokenizer(("en_XX",), ("</s>",))
    with pytest.raises(LissomError, match="it reads en_XX, and is not told which it writes") as caught:
        said_by(tmp_path / "untold", tiny_translator("mbart"), tokenizer)
    assert "forced_bos_token_id, such as 4 for en_XX" in caught.value.hints[0]
    told = said_by(tmp_path / "told", tiny_translator("mbart", forced_bos_token_id=WRITTEN), tokenizer)
    assert told.handling["rules"]["prompt"] == (END, WRITTEN)
    first = said_by(tmp_path / "first", tiny_translator("mbart", decoder_start_token_id=WRITTEN), tokenizer)
    assert first.handling["rules"]["prompt"] == (WRITTEN,)


def test_a_translation_begins_with_the_first_token_unless_that_is_forced(tmp_path: Path) -> None:
    tokenizer = framed_tokenizer(("<s>",), ("</s>",))
    for name, forced, fed in (("learnt", None, [END, 0]), ("forced", 0, [END, 0])):
        workload = said_by(tmp_path / name, tiny_translator("bart", forced_bos_token_id=forced), tokenizer)
        _, _, tokens = workload.splits.train.take([0]).inputs
        assert tokens[0, :2].tolist() == fed
        assert workload.handling["wording"]["opening"] == (() if name == "forced" else (0,))


def test_what_of_the_configuration_is_not_followed_is_told(tmp_path: Path) -> None:
    module = tiny_translator("t5", no_repeat_ngram_size=3, repetition_penalty=1.0, eos_token_id=[END, 7])
    workload = said_by(tmp_path / "t5", module, framed_tokenizer())
    said = "of its generation configuration is not followed: no_repeat_ngram_size 3; eos_token_id 7, behind the first"
    assert said in workload.notes


def test_pairs_that_are_all_too_long_are_told_of_both_lengths(folder: Path) -> None:
    long = [(source, " ".join(["eins"] * 30)) for source, _ in draw_pairs(20, 1)]
    with pytest.raises(
        LissomError, match=r"all \d+ pairs of train are too long: the model reads 16 tokens of a sentence"
    ) as e:
        load(folder, long)
    assert "says 14 of its translation" in str(e.value) and "max_length" in str(e.value)


def test_a_sentence_in_any_case_is_in_one_split(folder: Path) -> None:
    pairs = [(case(source), target) for source, target in draw_pairs(60, 7) for case in (str, str.capitalize)]
    splits = load(folder, pairs).splits
    held = [{name.casefold() for name in part.names} for part in (splits.train, splits.select, splits.test)]
    assert all(held) and len(set.union(*held)) == sum(map(len, held))
    assert len(splits.train) + len(splits.select) + len(splits.test) == len(pairs)
