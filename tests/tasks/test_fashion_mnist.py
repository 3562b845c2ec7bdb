"""Fashion-MNIST: how it is found, what is refused, and, where it is at hand, what is in it."""

import gzip
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.image import fashion_mnist
from lissom.tasks.image.decoding import decode
from lissom.tasks.image.fashion_mnist import FILES, PREPROCESSING, find_fashion_mnist
from lissom.tasks.image.handling import Preprocessing


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fashion_mnist, "INSTALLED", tmp_path / "usr/share/datasets/fashion-mnist")
    return tmp_path / "cache" / "fashion-mnist"


@pytest.fixture
def small_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the same form with a few thousand blank pictures; their hashes are taken for the right ones."""
    folder = tmp_path / "source"
    folder.mkdir()
    for name in FILES:
        count = 60000 if name.startswith("train") else 10000
        content = bytes(16) + bytes(count * 784) if "images" in name else bytes(8) + bytes(count)
        (folder / name).write_bytes(gzip.compress(content, 1))
        monkeypatch.setitem(FILES, name, hashlib.sha256(content).hexdigest())
    return folder


def test_nothing_is_fetched_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fashion_mnist, "_from_mirror", lambda folder: pytest.fail("fetched"))
    with pytest.raises(LissomError, match="is not in") as caught:
        find_fashion_mnist()
    assert "--download" in caught.value.hints[0]


def test_sources_are_tried_in_turn_and_the_cache_filled(
    small_files: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(folder: Path) -> None:
        raise OSError("no route")

    def debian(folder: Path) -> None:
        shutil.copytree(small_files, folder, dirs_exist_ok=True)

    monkeypatch.setattr(fashion_mnist, "_from_mirror", unreachable)
    monkeypatch.setattr(fashion_mnist, "_from_debian", debian)
    found = find_fashion_mnist(download=True)
    assert sorted(path.name for path in empty_cache.iterdir()) == sorted(FILES)
    assert {part: len(listing) for part, listing in found.parts.items()} == {
        "train": 55000,
        "select": 5000,
        "test": 10000,
    }
    monkeypatch.setattr(fashion_mnist, "_from_debian", unreachable)
    find_fashion_mnist()


def test_no_source_answers(monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> None:
    def mirror(folder: Path) -> None:
        raise OSError("no route")

    def debian(folder: Path) -> None:
        raise subprocess.CalledProcessError(100, "apt-get", stderr="W: x\nE: Unable to locate package\n")

    monkeypatch.setattr(fashion_mnist, "_from_mirror", mirror)
    monkeypatch.setattr(fashion_mnist, "_from_debian", debian)
    with pytest.raises(LissomError, match=r"its mirror: no route; Debian's package: E: Unable to locate") as caught:
        find_fashion_mnist(download=True)
    assert str(empty_cache) in caught.value.hints[0]
    assert not empty_cache.exists()


@pytest.mark.parametrize("content", [b"", b"no gzip", gzip.compress(b"something else")], ids=["empty", "none", "other"])
def test_damaged_cache(small_files: Path, empty_cache: Path, content: bytes) -> None:
    shutil.copytree(small_files, empty_cache)
    (empty_cache / "t10k-labels-idx1-ubyte.gz").write_bytes(content)
    with pytest.raises(LissomError, match=r"is damaged|is not the file") as caught:
        find_fashion_mnist()
    assert "remove it" in caught.value.hints[0]


def test_the_split_is_the_published_permutation(small_files: Path, empty_cache: Path) -> None:
    shutil.copytree(small_files, empty_cache)
    found = find_fashion_mnist()
    order = torch.randperm(60000, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(found.parts["select"].rows, order[:5000].numpy())
    assert np.array_equal(found.parts["train"].rows, order[5000:].numpy())


def test_the_real_pictures(empty_cache: Path) -> None:
    source = Path(os.environ.get("LISSOM_DATA", "")) / "fashion-mnist"
    if "LISSOM_DATA" not in os.environ or not source.is_dir():
        pytest.skip("needs LISSOM_DATA, a folder with the four files in fashion-mnist/")
    shutil.copytree(source, empty_cache)
    found = find_fashion_mnist()
    assert np.bincount(found.parts["test"].labels).tolist() == [1000] * 10
    preprocessing = Preprocessing(**PREPROCESSING)
    store = decode({"test": found.parts["test"]}, preprocessing, Progress(enabled=False))["test"].store
    made = preprocessing.normalise(store.pixels(np.arange(20)).numpy())
    wanted = np.stack([preprocessing(found.parts["test"].items.read(row)) for row in range(20)])
    assert np.array_equal(made, wanted)
