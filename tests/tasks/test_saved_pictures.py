"""Data sets that the library datasets saved: pictures are read one by one, labels are names or numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.image.sources import find

datasets = pytest.importorskip("datasets", reason="data sets saved to disk need the extra 'datasets'")
NAMES = ["cat", "dog"]


def pictures(count: int, seed: int = 0) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for _ in range(count)]


def saved(folder: Path, kind: Any = None, /, **columns: list[Any]) -> Path:
    """A data set without splits, with pictures and what else is given."""
    features = datasets.Features({"image": datasets.Image(), **({} if kind is None else {"label": kind})})
    known = features if "image" in columns else None
    datasets.Dataset.from_dict(columns, features=known).save_to_disk(str(folder))
    return folder


def test_pictures_and_named_labels_of_all_splits(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=NAMES)
    features = datasets.Features({"image": datasets.Image(), "label": label})
    parts = {
        name: datasets.Dataset.from_dict(
            {"image": pictures(count, seed), "label": [row % 2 for row in range(count)]}, features=features
        )
        for seed, (name, count) in enumerate({"train": 6, "validation": 3, "test": 4}.items())
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "pets"))
    found = find(tmp_path / "pets")
    assert (found.name, found.classes, found.numbered) == ("pets", ("cat", "dog"), False)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 6, "select": 3, "test": 4}
    test = found.parts["test"]
    assert test.labels is not None and test.labels.tolist() == [0, 1, 0, 1]
    for row, expected in enumerate(pictures(4, 2)):
        assert np.array_equal(np.asarray(test.items.read(row)), np.asarray(expected))
    assert len(set(test.names())) == 4


def test_numbers_are_those_of_the_outputs(tmp_path: Path) -> None:
    path = saved(tmp_path / "numbers", datasets.Value("int64"), image=pictures(3), label=[2, 0, 5])
    found = find(path)
    assert found.numbered and found.classes == ()
    labels = found.parts["all"].labels
    assert labels is not None and labels.tolist() == [2, 0, 5]


def test_pictures_without_labels(tmp_path: Path) -> None:
    found = find(saved(tmp_path / "plain", image=pictures(3)))
    assert found.parts["all"].labels is None and len(found.parts["all"]) == 3 and not found.numbered


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "plain", image=pictures(3))
    opened: list[Any] = []
    open_ = Image.open
    monkeypatch.setattr(Image, "open", lambda *given, **more: opened.append(given) or open_(*given, **more))
    items = find(path).parts["all"].items
    assert not opened
    items.read(1)
    assert len(opened) == 1


def test_what_cannot_be_used_is_explained(tmp_path: Path) -> None:
    words = saved(tmp_path / "words", datasets.Value("string"), image=pictures(2), label=["cat", "dog"])
    with pytest.raises(LissomError, match=r"the column 'label' .* not numbers of classes"):
        find(words)
    with pytest.raises(LissomError, match=r"has no pictures in all \(columns: text\)") as caught:
        find(saved(tmp_path / "texts", text=["a", "b"]))
    assert "--task text" in caught.value.hints[0]
    datasets.DatasetDict({"extra": datasets.load_from_disk(str(words))}).save_to_disk(str(tmp_path / "odd"))
    with pytest.raises(LissomError, match="has a split 'extra'"):
        find(tmp_path / "odd")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "dataset_info.json").write_text("{", encoding="utf-8")
    with pytest.raises(LissomError, match="cannot be read"):
        find(tmp_path / "broken")


def test_a_split_whose_labels_are_kept_back_is_left_out(tmp_path: Path) -> None:
    label = datasets.ClassLabel(names=NAMES)
    features = datasets.Features({"image": datasets.Image(), "label": label})
    given = {"train": [0, 1, 1], "validation": [1, 0], "test": [-1, -1]}
    parts = {
        name: datasets.Dataset.from_dict({"image": pictures(len(labels)), "label": labels}, features=features)
        for name, labels in given.items()
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "hub"))
    found = find(tmp_path / "hub")
    assert set(found.parts) == {"train", "select"}
    assert found.notes == ("the test split has no labels (-1) and was left out",)
    parts["test"].save_to_disk(str(tmp_path / "alone"))
    with pytest.raises(LissomError, match=r"every label in the column 'label' of .* stands for none"):
        find(tmp_path / "alone")
    saved(tmp_path / "some", label, image=pictures(3), label=[0, -1, 1])
    with pytest.raises(LissomError, match=r"picture 1 of all in .* has the label -1"):
        find(tmp_path / "some")
