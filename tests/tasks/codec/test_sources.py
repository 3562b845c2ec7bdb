"""Where films come from: folders with and without splits."""

from pathlib import Path

import pytest

from lissom.tasks.codec.sources import find

SPLIT = ("train/a.mp4", "train/b.jpg", "val/c.mp4", "test/d.mp4")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def counts(folder: Path) -> dict[str, int]:
    return {part: len(listing) for part, listing in find(folder).parts.items()}


@pytest.mark.parametrize("above", ["", "films/", "films/2024/"])
def test_a_split_of_ones_own_is_kept(tmp_path: Path, above: str) -> None:
    touch(tmp_path, *(f"{above}{name}" for name in SPLIT))
    assert counts(tmp_path) == {"train": 2, "select": 1, "test": 1} and not find(tmp_path).notes
    touch(tmp_path, f"{above}cover.jpg")
    assert counts(tmp_path) == {"train": 2, "select": 1, "test": 1}
    assert find(tmp_path).notes == ("1 films and photos beside the folders of the splits were left out",)
    test = find(tmp_path).parts["test"]
    assert test.names() == [f"{above}test/d.mp4"] and test.items.read(int(test.rows[0])).is_file()


def test_without_a_split_all_is_one(tmp_path: Path) -> None:
    assert counts(touch(tmp_path, "films/a.mp4", "films/b.mp4", "c.mp4", ".d.mp4", "e.txt")) == {"all": 3}
