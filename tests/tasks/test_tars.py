"""Tars as WebDataset writes them: each picture with its own label, in its split, read in place; damage is named."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.image.sources import find
from lissom.tasks.image.tars import TarPictures


def png(shade: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def examples(numbers: range) -> dict[str, bytes]:
    """Pictures whose shade is ten times their label."""
    return {
        name: content
        for k in numbers
        for name, content in ((f"{k:04}.png", png(10 * (k % 3))), (f"{k:04}.cls", str(k % 3).encode()))
    }


def test_each_picture_has_its_own_label(tmp_path: Path) -> None:
    found = find(tar(tmp_path / "data.tar", examples(range(12))))
    part = found.parts["all"]
    assert found.numbered and len(part) == 12 and part.labels is not None
    for row, label in zip(part.rows, part.labels, strict=True):
        assert part.items.read(int(row)).getpixel((0, 0)) == (10 * label, 0, 0)
    assert part.names()[3] == "data.tar: 0003.png"


def test_shards_are_one_data_set_and_their_names_are_splits(tmp_path: Path) -> None:
    for name, numbers in (
        ("train-000", range(6)),
        ("train-001", range(6, 12)),
        ("val-000", range(3)),
        ("test-0", range(4)),
    ):
        tar(tmp_path / "shards" / f"{name}.tar", examples(numbers))
    (tmp_path / "shards" / "README.txt").write_text("twelve and more")
    found = find(tmp_path / "shards")
    assert {part: len(listing) for part, listing in found.parts.items()} == {"select": 3, "test": 4, "train": 12}
    train = found.parts["train"]
    assert train.labels is not None and sorted(train.labels.tolist()) == [0] * 4 + [1] * 4 + [2] * 4
    assert {name.partition(":")[0] for name in train.names()} == {"train-000.tar", "train-001.tar"}


def test_where_one_shard_tells_no_split_none_is_made(tmp_path: Path) -> None:
    tar(tmp_path / "s" / "train-0.tar", examples(range(6)))
    tar(tmp_path / "s" / "more-0.tar", examples(range(6)))
    assert {part: len(listing) for part, listing in find(tmp_path / "s").parts.items()} == {"all": 12}


def test_a_shard_without_a_split_does_not_bring_the_test_into_training(tmp_path: Path) -> None:
    for name in ("train-0", "test-0", "more-0"):
        tar(tmp_path / "s" / f"{name}.tar", examples(range(6)))
    with pytest.raises(LissomError, match=r"more-0\.tar tells no split, and others are of select or test"):
        find(tmp_path / "s")


def test_names_with_dots_are_pictures_of_their_own_in_class_folders(tmp_path: Path) -> None:
    members = {f"{c}/{c}.{k}.png": png(k) for c in ("cat", "dog") for k in range(3)}
    found = find(tar(tmp_path / "data.tar", {**members, "cat/cat.0.jpg": png(9)}))
    assert len(found.parts["all"]) == 7 and found.classes == ("cat", "dog")


def test_more_pictures_of_one_labelled_example_are_left_out(tmp_path: Path) -> None:
    members = {**examples(range(4)), "0000.mask.png": png(200), "0001.jpg": png(201)}
    part = find(tar(tmp_path / "data.tar", members)).parts["all"]
    assert part.names() == [f"data.tar: {k:04}.png" for k in range(4)]


@pytest.mark.parametrize("content", [{"label": 2}, {"cls": 2, "id": 7}, {"class": 2}, 2])
def test_labels_in_json(tmp_path: Path, content: object) -> None:
    members = {"a.jpg": png(1), "a.json": json.dumps(content).encode(), "b.png": png(2), "b.json": b'{"label": 0}'}
    labels = find(tar(tmp_path / "data.tar", members)).parts["all"].labels
    assert labels is not None and labels.tolist() == [2, 0]


def test_without_labels_folders_are_classes(tmp_path: Path) -> None:
    members = {f"{part}/{c}/{k}.png": png(k) for part in ("train", "test") for c in ("cat", "dog") for k in range(2)}
    found = find(tar(tmp_path / "data.tar", members))
    assert found.classes == ("cat", "dog") and not found.numbered
    assert {part: len(listing) for part, listing in found.parts.items()} == {"train": 4, "test": 4}
    shards = tmp_path / "shards"
    for part in ("train", "test"):
        tar(shards / f"{part}.tar", {f"{c}/{k}.png": png(k) for c in ("cat", "dog") for k in range(3)})
    found = find(shards)
    assert found.classes == ("cat", "dog")
    assert {part: len(listing) for part, listing in found.parts.items()} == {"train": 6, "test": 6}


def test_nothing_is_held_but_places(tmp_path: Path) -> None:
    items = find(tar(tmp_path / "data.tar", examples(range(9)))).parts["all"].items
    assert isinstance(items, TarPictures)
    raw = (tmp_path / "data.tar").read_bytes()
    for row in range(9):
        start = int(items.offset[row])
        assert raw[start : start + int(items.size[row])] == png(10 * (row % 3))


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"a.txt": b"x"}, "holds no pictures"),
        ({"a.png": png(0), "a.cls": b"cat", "b.png": png(0), "b.cls": b"1"}, "a.cls is not a whole number"),
        ({"a.png": png(0), "a.cls": b"1", "b.png": png(0)}, "1 of 2 pictures have no label, such as 'data.tar: b.png'"),
        ({"a.png": png(0), "a.cls": b"-1"}, "not a whole number"),
        ({"a.png": png(0), "a.cls": b"true"}, "not a whole number"),
    ],
)
def test_bad_tars(tmp_path: Path, members: dict[str, bytes], told: str) -> None:
    with pytest.raises(LissomError, match=told):
        find(tar(tmp_path / "data.tar", members))


def test_damaged_and_compressed_tars(tmp_path: Path) -> None:
    whole = tar(tmp_path / "whole.tar", examples(range(9))).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:700])
    (tmp_path / "noise.tar").write_bytes(np.random.default_rng(0).bytes(5000))
    tar(tmp_path / "squeezed.tar", examples(range(3)), "w:gz")
    for name in ("cut", "noise", "squeezed"):
        with pytest.raises(LissomError, match=rf"{name}\.tar"):
            find(tmp_path / f"{name}.tar")


def test_a_folder_of_pictures_with_a_tar_beside_them_is_a_folder(tmp_path: Path) -> None:
    for c in ("a", "b"):
        for k in range(2):
            (tmp_path / "d" / c).mkdir(parents=True, exist_ok=True)
            (tmp_path / "d" / c / f"{k}.png").write_bytes(png(k))
    tar(tmp_path / "d" / "old.tar", examples(range(3)))
    assert find(tmp_path / "d").classes == ("a", "b")
