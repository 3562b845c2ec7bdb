"""Unreadable pictures: counted and left out below one percent, an error above; memory or not, the same."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.image.decoding import DiskStore, MemoryStore, decode
from lissom.tasks.image.handling import Preprocessing
from lissom.tasks.image.pictures import ArrayPictures, FilePictures
from lissom.tasks.listing import Listing

QUIET = Progress(enabled=False)
SMALL = Preprocessing((8, 8), resize=10)


def listing(folder: Path, good: int, bad: int) -> Listing:
    folder.mkdir()
    names = []
    for number in range(good + bad):
        names.append(f"{number:04}.png")
        file = folder / names[-1]
        Image.new("RGB", (12, 9), (number % 250, 0, 0)).save(file)
        if number < bad:
            file.write_bytes(file.read_bytes()[: [0, 20, 45][number % 3]])
    rows = np.arange(good + bad)
    return Listing(FilePictures(folder, names), rows, rows % 2)


def test_half_a_percent_is_left_out_and_named(tmp_path: Path) -> None:
    decoded = decode({"train": listing(tmp_path / "p", 199, 1)}, SMALL, QUIET)["train"]
    assert decoded.unreadable == ("0000.png",)
    assert len(decoded.listing) == 199
    assert decoded.listing.labels is not None and decoded.listing.labels[0] == 1
    assert decoded.store.pixels(np.array([0]))[0, 0].unique().tolist() == [1]


def test_two_percent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match=r"4 of 200 train pictures cannot be read: '0000.png', .*\.\.\."):
        decode({"train": listing(tmp_path / "p", 196, 4)}, SMALL, QUIET)


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "webp", "tif", "bmp", "ppm"])
def test_damaged_files_of_every_kind_are_only_counted(tmp_path: Path, suffix: str) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    picture.save(tmp_path / f"good.{suffix}")
    whole = (tmp_path / f"good.{suffix}").read_bytes()
    names = [f"good.{suffix}"] * 2000
    for cut in (1, 7, 30, len(whole) // 2):
        (tmp_path / f"{cut}.{suffix}").write_bytes(whole[:cut])
        names.append(f"{cut}.{suffix}")
    decoded = decode({"test": Listing(FilePictures(tmp_path, names), np.arange(2004), None)}, SMALL, QUIET)
    assert len(decoded["test"].unreadable) == 4
    assert len(decoded["test"].listing) == 2000


def test_on_demand_where_memory_is_short(tmp_path: Path) -> None:
    part = listing(tmp_path / "p", 199, 1)
    ours = decode({"train": part}, SMALL, QUIET, memory_bytes=1000)["train"]
    theirs = decode({"train": part}, SMALL, QUIET)["train"]
    assert isinstance(ours.store, DiskStore) and isinstance(theirs.store, MemoryStore)
    assert ours.unreadable == theirs.unreadable
    rows = np.array([5, 3, 198])
    assert ours.store.pixels(rows).equal(theirs.store.pixels(rows))


def test_a_picture_that_is_cut_off_is_found_before_it_is_learnt_from(tmp_path: Path) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8))
    picture.save(tmp_path / "good.jpg")
    whole = (tmp_path / "good.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])  # its header is there
    part = Listing(FilePictures(tmp_path, ["good.jpg"] * 150 + ["cut.jpg"]), np.arange(151), None)
    assert decode({"train": part}, SMALL, QUIET, memory_bytes=0)["train"].unreadable == ("cut.jpg",)


def test_a_picture_that_breaks_later_is_named(tmp_path: Path) -> None:
    part = listing(tmp_path / "p", 10, 0)
    store = decode({"train": part}, SMALL, QUIET, memory_bytes=0)["train"].store
    (tmp_path / "p" / "0004.png").write_bytes(b"")
    with pytest.raises(LissomError, match=r"'0004.png' is damaged"):
        store.pixels(np.array([3, 4]))


@pytest.mark.parametrize("shape", [(6, 28, 28), (6, 30, 20, 3)])
@pytest.mark.parametrize("crop", [(32, 32), (28, 28), (25, 33)])
def test_arrays_at_once_are_as_one_by_one(shape: tuple[int, ...], crop: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    part = Listing(ArrayPictures(pixels, "some"), np.array([4, 1, 2]), None)
    preprocessing = Preprocessing(crop)
    made = decode({"test": part}, preprocessing, QUIET)["test"].store.pixels(np.arange(3)).numpy()
    wanted = np.stack([preprocessing.pixels(part.items.read(row)) for row in (4, 1, 2)])
    assert np.array_equal(np.broadcast_to(made, wanted.shape), wanted)


def test_grey_arrays_stay_grey_through_resizing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    part = Listing(ArrayPictures(pixels, "some"), np.arange(3), None)
    made = decode({"test": part}, SMALL, QUIET)["test"].store.pixels(np.arange(3)).numpy()
    assert made.shape == (3, 1, 8, 8)
    assert np.array_equal(made[1].repeat(3, axis=0), SMALL.pixels(part.items.read(1)))


def test_the_small_parts_get_the_memory_first() -> None:
    pixels = np.zeros((30, 10, 10), dtype=np.uint8)
    parts = {
        "train": Listing(ArrayPictures(pixels, "a"), np.arange(30), None),
        "test": Listing(ArrayPictures(pixels, "b"), np.arange(10), None),
    }
    made = decode(parts, SMALL, QUIET, memory_bytes=64 * 20)
    assert list(made) == ["train", "test"]
    assert isinstance(made["train"].store, DiskStore) and isinstance(made["test"].store, MemoryStore)
