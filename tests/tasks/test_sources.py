"""Every kind of source, good and bad."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.image.sources import find
from lissom.tasks.listing import Found, Listing
from lissom.tasks.text.texts import TextItems


def place(root: Path, *names: str) -> Path:
    """Write a small picture at each of the paths."""
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number % 256, 0, 0)).save(root / name)
    return root


def zipped(folder: Path, file: Path, top: str = "") -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, top + path.relative_to(folder).as_posix())
    return file


def names(found: Found, part: str) -> list[str]:
    return found.parts[part].names()


def test_folders_of_classes(class_folders: Path) -> None:
    found = find(class_folders)
    assert found.classes == ("blue", "green", "red")
    assert np.bincount(found.parts["all"].labels).tolist() == [20, 20, 20]


@pytest.mark.parametrize("top", ["", "photos/", "a/b/c/"])
def test_a_zip_is_the_folder(class_folders: Path, tmp_path: Path, top: str) -> None:
    found = find(zipped(class_folders, tmp_path / "données.zip", top))
    assert found.classes == ("blue", "green", "red")
    assert len(found.parts["all"]) == 60
    assert found.parts["all"].items.read(0).size == (20, 16)


def test_train_val_and_test_above_classes(tmp_path: Path) -> None:
    files = [f"top/{p}/{c}/{n}.png" for p in ("Train", "val", "test") for c in "ab" for n in range(2)]
    found = find(place(tmp_path / "data", *files))
    assert {part: len(listing) for part, listing in found.parts.items()} == {"train": 4, "select": 4, "test": 4}
    assert divide(found) is found


def test_pictures_without_folders_have_no_labels(tmp_path: Path) -> None:
    found = find(place(tmp_path / "data", *(f"{n}.png" for n in range(9))))
    assert not found.labelled
    assert {part: len(listing) for part, listing in divide(found).parts.items()} == {
        "train": 6,
        "select": 1,
        "test": 2,
    }


def test_stray_and_hidden_files(tmp_path: Path) -> None:
    root = place(tmp_path / "data", "a/1.png", "a/2.png", "b/1.png", "b/2.png", "cover.png", "a/._1.png")
    (root / "a" / "Thumbs.db").write_bytes(b"x")
    found = find(root)
    assert len(found.parts["all"]) == 4
    assert "1 pictures beside the class folders" in found.notes[0]


def test_links_are_followed_once(tmp_path: Path) -> None:
    real = place(tmp_path / "real", "1.png", "2.png", "3.png")
    root = place(tmp_path / "data", "a/1.png", "a/2.png")
    (root / "b").symlink_to(real, target_is_directory=True)
    (root / "a" / "loop").symlink_to(root, target_is_directory=True)
    found = find(root)
    assert found.classes == ("a", "b")
    assert np.bincount(found.parts["all"].labels).tolist() == [2, 3]


def test_one_picture_in_a_class(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="'b' has 1 picture"):
        find(place(tmp_path / "data", "a/1.png", "a/2.png", "b/1.png"))


def test_a_class_that_only_the_test_split_has(tmp_path: Path) -> None:
    files = [f"train/{c}/{n}.png" for c in "ab" for n in range(2)] + ["test/a/1.png", "test/c/1.png"]
    with pytest.raises(LissomError, match="no class 'c' to learn from"):
        find(place(tmp_path / "data", *files))


def test_one_class(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="single class folder"):
        find(place(tmp_path / "data", "a/1.png", "a/2.png"))


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LissomError, match="holds no pictures"):
        find(tmp_path / "empty")
    with pytest.raises(LissomError, match="no file or folder"):
        find(tmp_path / "absent")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(LissomError, match="holds no pictures"):
        find(tmp_path / "empty.zip")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(LissomError, match="not data that can be read"):
        find(tmp_path / "notes.txt")


def test_unknown_data_set() -> None:
    with pytest.raises(LissomError, match="unknown data set 'fashion-mnits'") as caught:
        find("fashion-mnits")
    assert "did you mean fashion-mnist" in caught.value.hints[0]


def test_corrupt_zips(class_folders: Path, tmp_path: Path) -> None:
    whole = zipped(class_folders, tmp_path / "whole.zip").read_bytes()
    for content in (b"", b"no zip", whole[:-200]):
        (tmp_path / "bad.zip").write_bytes(content)
        with pytest.raises(LissomError, match="cannot be read as a zip"):
            find(tmp_path / "bad.zip")


def test_paths_in_a_zip_that_lead_outside_are_only_names(tmp_path: Path) -> None:
    folder = place(tmp_path / "data", "a/1.png", "a/2.png", "b/1.png", "b/2.png")
    deep = tmp_path / "one" / "two"
    deep.mkdir(parents=True)
    with zipfile.ZipFile(deep / "sly.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, f"../../{path.relative_to(folder).as_posix()}")
    before = sorted(tmp_path.rglob("*.png"))
    found = find(deep / "sly.zip")
    assert found.parts["all"].items.read(0).size == (4, 4)
    assert sorted(tmp_path.rglob("*.png")) == before


def csv_of(root: Path, text: str) -> Path:
    (root / "labels.csv").write_text(text, encoding="utf-8")
    return root / "labels.csv"


@pytest.mark.parametrize(
    ("text", "classes", "labels"),
    [
        ("file,label\n1.png,cat\n2.png,ant\n", ("ant", "cat"), [1, 0]),
        ("1.png,cat\n2.png,ant\n", ("ant", "cat"), [1, 0]),
        ("1.png;3\n2.png;7\n", (), [3, 7]),
        ("what,which\n1.png,3\n2.png,7\n", (), [3, 7]),
        ("file,class_index,label\n1.png,3,cat\n2.png,0,ant\n", ("ant", "1", "2", "cat"), [3, 0]),
        ("\ufefflabel\tfile\nb\t1.png\na\t2.png\n\n", ("a", "b"), [1, 0]),
    ],
)
def test_csv(tmp_path: Path, text: str, classes: tuple[str, ...], labels: list[int]) -> None:
    found = find(csv_of(place(tmp_path, "1.png", "2.png"), text))
    assert (found.classes, found.parts["all"].labels.tolist()) == (classes, labels)
    assert names(found, "all") == ["1.png", "2.png"]


def test_csv_with_splits(tmp_path: Path) -> None:
    text = "path,label,split\n1.png,a,train\n2.png,b,test\n"
    found = find(csv_of(place(tmp_path, "1.png", "2.png"), text))
    assert names(found, "train") == ["1.png"] and names(found, "test") == ["2.png"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("file,label\n", "no rows"),
        ("file,label\n1.png\n", "too few columns in row 2"),
        ("file,label\n1.png,a\nlost.png,b\n", "names 1 of 2 files that are not there, such as 'lost.png'"),
        ("a,b\n3,4\n", "no column of picture files"),
        ("file,label,split\n1.png,a,some\n", "'some' is not a split"),
    ],
)
def test_bad_csv(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(LissomError, match=told):
        find(csv_of(place(tmp_path, "1.png"), text))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from('1.png,;\t"\n\r file0ü\x00'), max_size=60), st.sampled_from(["", "file,label\n"]))
def test_any_text_is_a_csv_or_one_short_error(tmp_path: Path, text: str, start: str) -> None:
    try:
        find(csv_of(place(tmp_path, "1.png"), start + text))
    except LissomError as error:
        assert str(error).count("\n") < 4


def test_csv_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(LissomError, match="cannot be read as text"):
        find(tmp_path / "x.csv")


def test_a_users_function(tmp_path: Path) -> None:
    text = (
        "import numpy as np\n"
        "def pairs():\n"
        "    items = [(np.full((4, 4, 3), k, np.uint8), k % 2) for k in range(20)]\n"
        "    return {'train': items, 'test': items[:6], 'classes': ['even', 'odd']}\n"
        "def normal():\n"
        "    import torch\n"
        "    return [(torch.zeros(3, 4, 4), 0)], [(torch.zeros(3, 4, 4), 0)]\n"
        "def empty():\n"
        "    return [], []\n"
        "def stream():\n"
        "    return iter(()), iter(())\n"
        "def one():\n"
        "    return 5\n"
        "def words():\n"
        "    return {'train': [(np.zeros((4, 4), np.uint8), 'cat')], 'test': []}\n"
        "def twice():\n"
        "    return {'train': [], 'val': [], 'dev': []}\n"
    )
    (tmp_path / "data.py").write_text(text)
    found = find(f"{tmp_path}/data.py:pairs")
    assert found.classes == ("even", "odd")
    assert found.parts["train"].labels.tolist() == [0, 1] * 10
    assert found.parts["train"].items.read(3).getpixel((0, 0)) == (3, 3, 3)
    for function, told in (
        ("normal", "float32 tensor, not a picture"),
        ("empty", "train is empty"),
        ("stream", "without length"),
        ("one", "gave a int"),
        ("words", "the label 'cat' for picture 0, not a whole number"),
        ("twice", "gave select twice: 'val' and 'dev'"),
    ):
        with pytest.raises(LissomError, match=told):
            find(f"{tmp_path}/data.py:{function}")


def test_torch_datasets_are_read(class_folders: Path) -> None:
    from torchvision.datasets import ImageFolder

    folder = ImageFolder(str(class_folders))
    found = find((folder, folder))
    assert found.parts["test"].labels.tolist() == folder.targets
    assert found.parts["test"].items.read(0).size == (20, 16)


def test_a_picture_that_the_user_opened_stays_open(class_folders: Path) -> None:
    file = next(class_folders.glob("*/*.png"))
    items = [(Image.open(file), 0)]
    found = find((items, items)).parts["train"].items
    for _ in range(2):
        with found.read(0) as picture:
            assert picture.getpixel((0, 0)) is not None
    assert items[0][0].resize((2, 2)).size == (2, 2)


def test_dividing_is_stable_disjoint_and_stratified(class_folders: Path, tmp_path: Path) -> None:
    whole = find(class_folders)
    ours = divide(whole)
    sizes = {part: np.bincount(listing.labels).tolist() for part, listing in ours.parts.items()}
    assert sizes == {"train": [14] * 3, "select": [2] * 3, "test": [4] * 3}
    assert len({name for part in ours.parts for name in names(ours, part)}) == 60
    again = divide(find(zipped(class_folders, tmp_path / "data.zip")), seed=9)
    assert all(names(ours, part) == names(again, part) for part in ours.parts)


def test_select_is_carved_from_train_and_said_to_flatter(tmp_path: Path) -> None:
    files = [f"{p}/{c}/{n}.png" for p in ("train", "test") for c in "ab" for n in range(10)]
    found = find(place(tmp_path / "data", *files))
    ours = divide(found, select=0.2)
    assert {part: len(listing) for part, listing in ours.parts.items()} == {"train": 16, "select": 4, "test": 20}
    assert "flatter" in ours.notes[-1]
    assert not set(names(ours, "train")) & set(names(ours, "select"))
    assert names(divide(found, select=4), "select") == names(ours, "select")
    assert names(divide(found, select=4, seed=1), "select") != names(ours, "select")
    with pytest.raises(LissomError, match="cannot be taken from 20"):
        divide(found, select=20)


def test_validation_is_halved_where_there_is_no_test(tmp_path: Path) -> None:
    files = [f"{p}/{c}/{n}.png" for p in ("train", "val") for c in "ab" for n in range(10)]
    ours = divide(find(place(tmp_path / "data", *files)))
    assert {part: len(listing) for part, listing in ours.parts.items()} == {"train": 20, "select": 10, "test": 10}


def test_a_select_split_of_its_own_goes_before_carving(tmp_path: Path) -> None:
    files = [f"{p}/{c}/{n}.png" for p in ("train", "val", "test") for c in "ab" for n in range(4)]
    ours = divide(find(place(tmp_path / "data", *files)), select=2)
    assert len(ours.parts["select"]) == 8
    assert "no other was carved" in ours.notes[-1]


def test_a_part_without_examples_is_named() -> None:
    items = TextItems([("a film",), ("a plot",)])
    parts = {name: Listing(items, np.arange(count), None) for name, count in (("train", 0), ("test", 2))}
    with pytest.raises(LissomError, match="no examples for the train split"):
        divide(Found("data", parts))


def test_what_lies_beside_the_folders_of_splits_is_left_out(tmp_path: Path) -> None:
    files = [f"{p}/{c}/{n}.png" for p in ("train", "val") for c in "ab" for n in range(4)]
    found = find(place(tmp_path / "data", *files, "cover.png", "unlabelled/1.png"))
    assert found.classes == ("a", "b") and {part: len(item) for part, item in found.parts.items()} == {
        "train": 8,
        "select": 8,
    }
    assert found.notes == ("2 pictures beside the folders of the splits were left out",)
    one = find(place(tmp_path / "vehicles", *(f"{c}/{n}.png" for c in ("bus", "train") for n in range(4))))
    assert one.classes == ("bus", "train"), "one such name alone is that of a class"


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    files = [f"{p}/{c}/{n}.png" for p in ("test", "val") for c in "ab" for n in range(4)]
    with pytest.raises(LissomError, match="no examples for the train split"):
        divide(find(place(tmp_path / "data", *files)))


def test_quick_mode_says_so(class_folders: Path) -> None:
    ours = divide(find(class_folders), limit=5)
    assert [len(part) for part in ours.parts.values()] == [5, 5, 5]
    assert "quick mode" in ours.notes[-1]
