"""Texts in data sets that the library datasets saved: columns, names of labels, splits without labels."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.loading import load
from lissom.tasks.text.sources import find
from lissom.tasks.text.tables import Wanted
from lissom.testing.tiny_texts import SENTIMENTS, draw_texts, write_text_model

datasets = pytest.importorskip("datasets", reason="data sets saved to disk need the extra 'datasets'")


def part(count: int, seed: int, names: tuple[str, ...] = SENTIMENTS, hidden: bool = False) -> Any:
    """Sentences whose labels are numbers of ``names``, or kept back."""
    texts, labels = draw_texts(count, seed)
    numbers = [-1 if hidden else names.index(SENTIMENTS[label]) for label in labels]
    features = datasets.Features(
        {
            "sentence": datasets.Value("string"),
            "label": datasets.ClassLabel(names=list(names)),
            "idx": datasets.Value("int32"),
        }
    )
    columns = {"sentence": [text for (text,) in texts], "label": numbers, "idx": list(range(count))}
    return datasets.Dataset.from_dict(columns, features=features)


def saved(folder: Path, **parts: Any) -> Path:
    datasets.DatasetDict(parts).save_to_disk(str(folder))
    return folder


def test_all_splits_to_a_score(tmp_path: Path) -> None:
    path = saved(tmp_path / "phrases", train=part(60, 0), validation=part(20, 1), test=part(30, 2))
    workload = load(f"hf:{write_text_model(tmp_path / 'bert')}", data=path, task="text")
    splits = workload.splits
    assert [len(split) for split in (splits.train, splits.select, splits.test)] == [60, 20, 30]
    batch = splits.test.take(range(30))
    right = (workload.module(*batch.inputs).argmax(1) == batch.targets).float().mean()
    assert workload.classes == SENTIMENTS and float(right) > 0.9


def test_names_of_labels_are_matched_to_the_models(tmp_path: Path) -> None:
    other = ("positive", "negative")
    path = saved(tmp_path / "phrases", train=part(60, 0, other), test=part(30, 2, other))
    workload = load(f"hf:{write_text_model(tmp_path / 'bert')}", data=path, task="text")
    batch = workload.splits.test.take(range(30))
    assert float((workload.module(*batch.inputs).argmax(1) == batch.targets).float().mean()) > 0.9
    assert "classes were matched to the model's outputs by name" in workload.notes


def test_a_split_whose_labels_are_kept_back_is_left_out_and_told(tmp_path: Path) -> None:
    parts = {"train": part(40, 0), "validation": part(20, 1), "test": part(30, 2, hidden=True)}
    found = find(saved(tmp_path / "glue", **parts), Wanted())
    assert {name: len(listing) for name, listing in found.parts.items()} == {"train": 40, "select": 20}
    assert found.notes == ("the test split has no labels (-1) and was left out",)


def test_pairs_without_splits_and_words_for_labels(tmp_path: Path) -> None:
    rows = {"premise": ["a b", "c"], "hypothesis": ["d", "e"], "label": ["yes", "no"]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "pairs"))
    found = find(tmp_path / "pairs", Wanted())
    assert found.parts["all"].items.read(0) == ("a b", "d") and found.classes == ("no", "yes")


def test_what_cannot_be_used_is_explained(tmp_path: Path) -> None:
    double = saved(tmp_path / "mnli", validation_matched=part(3, 0), validation_mismatched=part(3, 1))
    with pytest.raises(LissomError, match="two splits for select: 'validation_matched' and 'validation_mismatched'"):
        find(double, Wanted())
    datasets.Dataset.from_dict({"tokens": [[1, 2]], "label": [0]}).save_to_disk(str(tmp_path / "numbers"))
    with pytest.raises(LissomError, match="no column that is known for texts: its columns are tokens, label"):
        find(tmp_path / "numbers", Wanted())
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dataset_dict.json").write_text("{", encoding="utf-8")
    with pytest.raises(LissomError, match="cannot be read"):
        find(tmp_path / "broken", Wanted())
