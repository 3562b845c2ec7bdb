"""Texts from files to a workload, and what is refused: labels, lengths, encodings and tokenizers that do not fit."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.loading import load
from lissom.tasks.text.files import read_file, read_folder
from lissom.tasks.text.handling import Encoder
from lissom.tasks.text.metrics import METRICS
from lissom.tasks.text.split import TextSplit
from lissom.tasks.text.tables import Table, Wanted, find_in_table
from lissom.tasks.text.user_data import find_in_object
from lissom.testing.tiny_texts import (
    SENTIMENTS,
    draw_texts,
    fresh_bert,
    tokenizer_text,
    trained_bert,
    write_text_model,
    write_texts,
)
from lissom.workload.workload import Split, Workload


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return write_text_model(tmp_path_factory.mktemp("le modèle 模型") / "bert")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "phrases.csv")


def loaded(model: Path, data: Any, **options: Any) -> Workload:
    return load(f"hf:{model}", data=data, task="text", **options)


def answers(workload: Workload, split: Split) -> tuple[Any, Any]:
    batch = split.take(range(len(split)))
    assert batch.targets is not None
    with torch.no_grad():
        return workload.module(*batch.inputs).numpy(), batch.targets.numpy()


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def rows(count: int = 200, **more: Any) -> list[dict[str, Any]]:
    texts, labels = draw_texts(count, 5)
    return [{"text": text, "label": SENTIMENTS[label], **more} for (text,), label in zip(texts, labels, strict=True)]


@pytest.mark.parametrize("name", ["phrases.csv", "phrases.tsv", "phrases.jsonl"])
def test_from_a_file_to_a_score(model: Path, tmp_path: Path, name: str) -> None:
    path = write_texts(tmp_path / name)
    if name.endswith(".tsv"):
        path.write_text(path.read_text(encoding="utf-8").replace(",", "\t"), encoding="utf-8")
    workload = loaded(model, path)
    assert workload.classes == SENTIMENTS and workload.labelled and workload.name == "bert on phrases"
    outputs, labels = answers(workload, workload.splits.test)
    assert workload.task.score(workload.task.grade(outputs, labels)) > 90
    workload.task.check(outputs, labels, workload.classes)
    sizes = [len(part) for part in (workload.splits.train, workload.splits.select, workload.splits.test)]
    assert sum(sizes) == 300 and min(sizes) > 10


def test_pairs_are_read_with_their_types(tmp_path: Path) -> None:
    folder = write_text_model(tmp_path / "model", fresh_bert())
    pairs = [{"premise": row["text"], "hypothesis": "a film", "label": row["label"]} for row in rows()]
    workload = loaded(folder, write_table(tmp_path / "pairs.jsonl", pairs))
    tokens, types = workload.splits.train.take([0, 1]).inputs
    assert tokens.shape == types.shape and set(types.unique().tolist()) == {0, 1}
    named = loaded(folder, tmp_path / "pairs.jsonl", text=["premise"])
    assert len(named.example) == 1


@pytest.mark.parametrize(("length", "times"), [(None, 1), (4, 2)])
def test_training_texts_become_tokens_once_and_once_more_where_some_are_cut(
    model: Path, table: Path, length: int | None, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    plain: Any = Encoder.numbers

    def numbers(encoder: Encoder, texts: Any) -> Any:
        counts.append(len(texts))
        return plain(encoder, texts)

    monkeypatch.setattr(Encoder, "numbers", numbers)
    splits = loaded(model, table, length=length).splits
    assert counts == [*[len(splits.train)] * times, len(splits.select), len(splits.test)]
    assert isinstance(splits.train, TextSplit) and max(splits.train.lengths) <= splits.train.encoding.length


def test_columns_and_metric_are_as_the_user_says(model: Path, tmp_path: Path) -> None:
    named = [{"avis": row["text"], "note": row["label"], "text": "a film", "label": "x"} for row in rows()]
    path = write_table(tmp_path / "data.jsonl", named)
    workload = loaded(model, path, text=["avis"], label="note", metric="macro-f1")
    outputs, labels = answers(workload, workload.splits.train)
    found = workload.task.score(workload.task.grade(outputs, labels))
    assert found == METRICS["macro-f1"](outputs.argmax(1), labels) > 90
    with pytest.raises(LissomError, match="no column 'revue'") as caught:
        loaded(model, path, text=["revue"])
    assert "avis" in caught.value.hints[0]


def test_two_columns_of_one_name_are_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("text,text\na film,good\n", encoding="utf-8")
    with pytest.raises(LissomError, match="two columns called 'text'"):
        loaded(model, tmp_path / "twice.csv")


def test_labels_in_another_order_than_the_models_are_refused_by_agreement(table: Path, tmp_path: Path) -> None:
    muddled: Any = copy.deepcopy(trained_bert().model)
    muddled.config.id2label = {0: "positive", 1: "negative"}
    muddled.config.label2id = {"positive": 0, "negative": 1}
    workload = loaded(write_text_model(tmp_path / "muddled", muddled), table)
    with pytest.raises(LissomError, match="another order"):
        workload.task.check(*answers(workload, workload.splits.train), workload.classes)
    mended = loaded(tmp_path / "muddled", table, classes=("negative", "positive"))
    mended.task.check(*answers(mended, mended.splits.train), mended.classes)


def test_rows_without_a_text_are_left_out_and_told(model: Path, tmp_path: Path) -> None:
    some = rows(100)
    for row in some[::10]:
        row["text"] = "   "
    workload = loaded(model, write_table(tmp_path / "some.jsonl", some))
    assert sum(len(p) for p in (workload.splits.train, workload.splits.select, workload.splits.test)) == 90
    assert "10 rows without a text were left out" in workload.notes
    empty = write_table(tmp_path / "none.jsonl", [{"text": "", "label": "positive"}] * 3)
    with pytest.raises(LissomError, match="only empty texts"):
        loaded(model, empty)


def test_texts_that_are_too_long_are_cut_and_told(model: Path, tmp_path: Path) -> None:
    longer = rows()
    for row in longer[::4]:
        row["text"] = " ".join([row["text"]] * 12)
    workload = loaded(model, write_table(tmp_path / "long.jsonl", longer))
    assert workload.example[0].shape == (1, 24), "as many as the model takes"
    assert any("are longer than 24 tokens and are cut" in note for note in workload.notes)
    split = workload.splits.train
    assert isinstance(split, TextSplit) and max(split.lengths) == 24
    with pytest.raises(LissomError, match="a length of 25 tokens is more than the model takes") as caught:
        loaded(model, tmp_path / "long.jsonl", length=25)
    assert caught.value.hints == ("give at most 24",)
    with pytest.raises(LissomError, match="leaves no room"):
        loaded(model, tmp_path / "long.jsonl", length=2)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_told_by_their_line(model: Path, table: Path, encoding: str) -> None:
    table.write_bytes((table.read_text(encoding="utf-8") + "un été,positive\n").encode(encoding))
    with pytest.raises(LissomError, match="is not UTF-8: line") as caught:
        loaded(model, table)
    assert "line 302" in str(caught.value) if encoding == "latin-1" else "UTF-16" in str(caught.value)


def with_tokenizer(folder: Path, change: Any) -> Path:
    """The folder of a model whose tokenizer is changed."""
    data = json.loads(tokenizer_text())
    change(data)
    (folder / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def more_words(data: Any) -> None:
    vocabulary = data["model"]["vocab"]
    vocabulary |= {f"word{number}": len(vocabulary) + number for number in range(9)}


def other_padding(data: Any) -> None:
    vocabulary = data["model"]["vocab"]
    vocabulary["[PAD]"], vocabulary["[MASK]"] = vocabulary["[MASK]"], vocabulary["[PAD]"]
    for token in data["added_tokens"]:
        token["id"] = vocabulary[token["content"]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (more_words, "has 44 tokens, bert has embeddings for 35"),
        (other_padding, "pads with token 4, the model was made for 0"),
        (lambda data: data.pop("model"), "cannot be read"),
    ],
    ids=["tokens", "padding", "damaged"],
)
def test_a_tokenizer_of_another_model_is_refused(table: Path, tmp_path: Path, change: Any, said: str) -> None:
    folder = with_tokenizer(write_text_model(tmp_path / "bert"), change)
    with pytest.raises(LissomError, match=said):
        loaded(folder, table)
    right = write_text_model(tmp_path / "right")
    assert loaded(folder, table, tokenizer=right / "tokenizer.json").classes == SENTIMENTS


def test_a_model_without_a_tokenizer_says_so(table: Path, tmp_path: Path) -> None:
    folder = write_text_model(tmp_path / "bert")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(LissomError, match="none can be made"):
        loaded(folder, table)


def test_models_and_data_of_another_task_get_a_hint(model: Path, table: Path, tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="is a model of texts, and the task is image") as caught:
        load(f"hf:{model}", data=table)
    assert caught.value.hints == ("--task text",)
    with pytest.raises(LissomError, match="no embedding of tokens") as caught:
        load("zoo:sample", data=table, task="text", random_weights=True)
    assert caught.value.hints == ("--task image for pictures",)
    (tmp_path / "pictures").mkdir()
    with pytest.raises(LissomError) as caught:
        loaded(model, tmp_path / "pictures")
    assert "for pictures --task image" in caught.value.hints


def test_classes_that_the_model_does_not_have(model: Path, tmp_path: Path) -> None:
    three = rows()
    three[0]["label"] = "so so"
    with pytest.raises(LissomError):
        loaded(model, write_table(tmp_path / "three.jsonl", three))
    with pytest.raises(LissomError, match="does not suit a model with 2 outputs"):
        loaded(model, write_table(tmp_path / "two.jsonl", rows()), metric="spearman")


def test_missing_labels_are_counted(model: Path, tmp_path: Path) -> None:
    some = rows(50)
    some[3]["label"] = some[7]["label"] = ""
    with pytest.raises(LissomError, match="2 of 50 rows of some have no label"):
        loaded(model, write_table(tmp_path / "some.jsonl", some))


def test_views_replace_words_the_same_way_each_time(model: Path, table: Path) -> None:
    workload = loaded(model, table, replaced=0.5, views=3)
    split = workload.splits.train
    plain, one, again, two = (split.take(range(20), view=view).inputs[0] for view in (0, 1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, two)
    assert torch.equal(plain, split.take(range(20)).inputs[0]) and plain.shape == one.shape
    share = float((one != plain)[plain > 4].float().mean())
    assert 0.3 < share < 0.6 and torch.equal(one[plain <= 4], plain[plain <= 4])
    assert workload.views == 3
    outputs = np.unique(one.numpy())
    assert outputs.max() < 35


@pytest.mark.parametrize(("given", "said"), [({"replaced": 0.5}, "no word"), ({"views": 3}, "3 views of each text")])
def test_views_without_words_to_replace_are_refused(model: Path, table: Path, given: Any, said: str) -> None:
    with pytest.raises(LissomError, match=said):
        loaded(model, table, **given)


def test_separators_of_unicode_end_no_row(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text('text,label\na film\u2028in\x85two,good\r\n"a plot,\nbland",bad\n', encoding="utf-8", newline="")
    found = read_file(path, Wanted()).parts["all"]
    assert [row["text"] for row in found] == ["a film\u2028in\x85two", "a plot,\nbland"]


def test_two_files_for_one_part_are_refused(tmp_path: Path) -> None:
    for name in ("train.csv", "val.csv", "dev.csv"):
        write_texts(tmp_path / name)
    with pytest.raises(LissomError, match=r"two files for select: dev\.csv and val\.csv"):
        read_folder(tmp_path, Wanted())


def test_a_row_without_its_split_is_named(tmp_path: Path) -> None:
    table = Table("data", {"all": [{"text": "one", "split": "train"}, {"text": "two"}]})
    with pytest.raises(LissomError, match="data, row 2: '' is not a split"):
        find_in_table(table, Wanted())


def test_a_tokenizer_that_is_no_text_is_named(table: Path, tmp_path: Path) -> None:
    folder = write_text_model(tmp_path / "bert")
    (folder / "tokenizer.json").write_bytes(b"{\xff")
    with pytest.raises(LissomError, match=r"tokenizer\.json is not UTF-8"):
        loaded(folder, table)


def test_texts_of_test_that_are_learnt_from_are_counted(model: Path, tmp_path: Path) -> None:
    said = [{**row, "text": f"{row['text']} {number}"} for number, row in enumerate(rows(60))]
    parts = [{**row, "split": "train"} for row in said[:50]] + [{**row, "split": "test"} for row in said[47:]]
    notes = loaded(model, write_table(tmp_path / "data.jsonl", parts)).notes
    assert "3 texts of test are in train or select too: they are not unseen" in notes
    unlike = [{**row, "split": "train" if place < 50 else "test"} for place, row in enumerate(said)]
    again = loaded(model, write_table(tmp_path / "unlike.jsonl", unlike)).notes
    assert not any("not unseen" in note for note in again)


def test_a_first_row_that_looks_like_a_header_of_other_names_is_not_read_as_a_text(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = [f"film {number},{('good', 'bad')[number % 2]}" for number in range(12)]
    path.write_text("\n".join(["words,verdict", *rows]), encoding="utf-8")
    with pytest.raises(LissomError, match="'verdict' is the label of no other row") as caught:
        read_file(path, Wanted())
    assert "--text words --label verdict" in caught.value.hints[0]
    assert len(read_file(path, Wanted(("words",), "verdict")).parts["all"]) == 12
    path.write_text("\n".join(rows), encoding="utf-8")
    assert read_file(path, Wanted()).parts["all"][0] == {"text": "film 0", "label": "good"}
    values = [f"film {number},{number / 4}" for number in range(12)]
    path.write_text("\n".join(values), encoding="utf-8")
    assert read_file(path, Wanted()).parts["all"][0]["label"] == "0.0", "a number is no name of a column"


def test_classes_that_the_user_names_are_the_order_of_words() -> None:
    data = {"train": [("dull", "neg"), ("brave", "pos")], "test": [("fine", "pos")], "classes": ["pos", "neg"]}
    found = find_in_object(data, "data.py:texts")
    labels = found.parts["train"].labels
    assert labels is not None and labels.tolist() == [1, 0] and found.classes == ("pos", "neg") and found.numbered
    with pytest.raises(LissomError, match="the label 'mixed', and its classes are pos, neg"):
        find_in_object({**data, "test": [("so so", "mixed")]}, "data.py:texts")
    kept_back = Table("data", {"all": [{"text": "a", "label": -1}, {"text": "b", "label": 1}]}, ("bad", "good"), False)
    with pytest.raises(LissomError, match="the label -1, and its 2 classes count from 0"):
        find_in_table(kept_back, Wanted())


def test_half_of_a_letter_is_no_text() -> None:
    with pytest.raises(LissomError, match=r"an example of data\.py:texts holds half of a letter, \\ud83d"):
        find_in_object({"train": [("fine", 0), (("so", "so \ud83d"), 1)], "test": [("fine", 0)]}, "data.py:texts")
