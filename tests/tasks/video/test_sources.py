"""Where videos come from: the layouts of UCF-101, HMDB-51 and Kinetics in small, CSV, and what is refused."""

import re
from pathlib import Path

import pytest

pytest.importorskip("av")

from lissom.core.errors import LissomError
from lissom.tasks.dividing import divide
from lissom.tasks.listing import Found
from lissom.tasks.video.sources import find


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def ucf(folder: Path) -> Path:
    names = [f"v_{c}_g{g:02d}_c{k:02d}.avi" for c in ("Archery", "Bowling") for g in (1, 2, 3, 4, 5) for k in (1, 2)]
    return touch(folder, *(f"UCF-101/{name.split('_')[1]}/{name}" for name in names))


def names(found: Found[Path], part: str) -> set[str]:
    return {name.rpartition("/")[2] for name in found.parts[part].names()}


def test_ucf_101_with_its_lists(tmp_path: Path) -> None:
    lists = ucf(tmp_path) / "ucfTrainTestlist"
    lists.mkdir()
    everything = sorted(path.relative_to(tmp_path / "UCF-101").as_posix() for path in tmp_path.rglob("*.avi"))
    first = [name for name in everything if "_g01_" in name]
    (lists / "testlist01.txt").write_text("\n".join(first) + "\n")
    rest = [f"{name} 1" for name in everything if name not in first]
    (lists / "trainlist01.txt").write_text("\n".join(rest) + "\n")
    found = divide(find(tmp_path))
    assert found.classes == ("Archery", "Bowling") and names(found, "test") == {name.split("/")[1] for name in first}
    groups = {part: set(listing.groups.tolist()) for part, listing in found.parts.items() if listing.groups is not None}
    assert len(groups["select"]) == 1 and not groups["select"] & groups["train"]
    assert found.parts["select"].items.read(int(found.parts["select"].rows[0])).is_file()


def test_films_that_were_converted_are_those_of_the_lists(tmp_path: Path) -> None:
    folder = touch(tmp_path / "a", *(f"{c}/v_{c}_g0{g}_c01.mp4" for c in ("Archery", "Bowling") for g in (1, 2, 3)))
    lines = {"test": "_g01_", "train": "_g0[23]_"}
    for part, groups in lines.items():
        listed = [
            f"{path.parent.name}/{path.stem}.avi" for path in folder.rglob("*.mp4") if re.search(groups, str(path))
        ]
        (folder / f"{part}list01.txt").write_text("\n".join(listed))
    found = find(folder)
    assert {part: len(listing) for part, listing in found.parts.items()} == {"train": 4, "test": 2}
    assert found.parts["test"].items.read(int(found.parts["test"].rows[0])).is_file() and not found.notes
    for path in folder.rglob("*.mp4"):
        path.rename(path.with_stem(path.stem.lower()))
    with pytest.raises(
        LissomError, match=r"name none of the 6 videos there: listed is '\w+/v_\w+\.avi', and there is "
    ):
        find(folder)


def test_ucf_101_without_lists_is_divided_by_its_groups(tmp_path: Path) -> None:
    found = divide(find(ucf(tmp_path)))
    assert sum(len(part) for part in found.parts.values()) == 20
    sets = [set(part.groups.tolist()) for part in found.parts.values() if part.groups is not None]
    assert sum(map(len, sets)) == len(set.union(*sets)) == 5


def test_hmdb_51(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{c}/{c} {k}.avi" for c in ("clap", "wave") for k in range(5)))
    for name in ("clap", "wave"):
        lines = [f"{name} {k}.avi {mark}" for k, mark in enumerate((1, 1, 1, 2, 0))]
        (tmp_path / f"{name}_test_split1.txt").write_text("\n".join(lines))
    found = find(tmp_path)
    assert found.classes == ("clap", "wave")
    assert names(found, "test") == {"clap 3.avi", "wave 3.avi"} and len(found.parts["train"]) == 6
    assert "2 videos in no list were left out" in found.notes


def test_kinetics(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        for name in ("abseiling", "zumba"):
            touch(tmp_path, *(f"{part}/{name}/{part}{k}_000001_000011.mp4" for k in range(3)))
    found = find(tmp_path)
    assert found.classes == ("abseiling", "zumba")
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 6, "select": 6, "test": 6}


def test_a_table_with_splits_and_groups(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    table = tmp_path / "films.csv"
    table.write_text("path,label,split,group\na.mp4,run,train,one\nb.mp4,walk,val,two\nc.mp4,run,test,three\n")
    found = find(table)
    assert found.classes == ("run", "walk") and sorted(found.parts) == ["select", "test", "train"]
    assert found.parts["test"].groups is not None and found.parts["test"].groups.tolist() == ["three"]


def test_groups_of_a_table_are_not_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    table = tmp_path / "films.csv"
    table.write_text("path,label,group\na.mp4,run,one\nb.mp4,walk,\nc.mp4,run,three\n")
    with pytest.raises(LissomError, match="line 3 has no group"):
        find(table)
    table.write_text("path,label,group\na.mp4,run,\nb.mp4,walk,\nc.mp4,run,\n")
    assert find(table).parts["all"].groups is None
    groups = find(table, group=r"(\w)\.mp4").parts["all"].groups
    assert groups is not None and groups.tolist() == ["a", "b", "c"]
    table.write_text("path,label,group\na.mp4,run,one\nb.mp4,walk,two\nc.mp4,run,three\n")
    with pytest.raises(LissomError, match="films says which videos belong together, and the pattern"):
        find(table, group=r"(\w)\.mp4")


def test_numbers_in_a_table_are_those_of_the_models_outputs(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    table = tmp_path / "films.csv"
    table.write_text("path,label\na.mp4,10\nb.mp4,2\nc.mp4,0\n")
    found = find(table)
    assert found.numbered and not found.classes and found.parts["all"].labels.tolist() == [10, 2, 0]
    table.write_text("path,label\na.mp4,10\nb.mp4,2\nc.mp4,run\n")
    found = find(table)
    assert not found.numbered and found.classes == ("10", "2", "run")


def test_a_pattern_finds_groups_in_what_a_function_gives(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{c}/film{f}-0.mp4" for c in ("run", "walk") for f in range(4)))
    code = f"def folder():\n    return {str(tmp_path)!r}\n"
    (tmp_path / "data.py").write_text(code, encoding="utf-8")
    groups = find(f"{tmp_path / 'data.py'}:folder", group=r"(film\d)").parts["all"].groups
    assert groups is not None and set(groups.tolist()) == {f"film{f}" for f in range(4)}
    items = [(str(tmp_path / f"run/film{f}-0.mp4"), 0) for f in range(3)]
    groups = find((items, items), group=r"(film\d)").parts["train"].groups
    assert groups is not None and groups.tolist() == ["film0", "film1", "film2"]
    assert find((items, items)).parts["train"].groups is None


def test_groups_by_a_pattern(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{c}/film{f}-{k}.mp4" for c in ("run", "walk") for f in range(4) for k in range(2)))
    found = divide(find(tmp_path, group=r"(film\d)"))
    sets = [set(part.groups.tolist()) for part in found.parts.values() if part.groups is not None]
    assert len(set.union(*sets)) == sum(map(len, sets)) == 4
    for pattern, said in (("film", "has no group"), ("(x)", "does not fit"), ("(", "is not one")):
        with pytest.raises(LissomError, match=said):
            find(tmp_path, group=pattern)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="holds no videos"):
        find(touch(tmp_path / "empty", "readme.txt"))
    touch(tmp_path, "a.mp4", "x.zip")
    for text, said in (
        ("path,label\na.mp4,run\nb.mp4,walk\n", "1 of 2 files that are not there, such as 'b.mp4'"),
        ("file,label\na.mp4,run\n", "has no path and label"),
        ("path,label,split\na.mp4,run,sunday\n", "row 2: 'sunday' is not a split"),
        ("path,label,split\na.mp4,run,train\na.mp4,run,\n", "row 3: no split, where other rows have one"),
    ):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(LissomError, match=said):
            find(tmp_path / "t.csv")
    with pytest.raises(LissomError, match="is not data that can be read here"):
        find(tmp_path / "x.zip")
    with pytest.raises(LissomError, match="is not a sequence of"):
        find(([1], [2]))
