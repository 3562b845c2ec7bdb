"""Files are written whole or not at all, and what keeps them from it is said."""

import errno
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from lissom.core.errors import LissomError
from lissom.core.files import (
    bring_to_disk,
    check_temporary,
    check_writable,
    place_of,
    sha256,
    whole_file,
    write_json,
    write_text,
    writing,
)


def test_what_was_written_is_there_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "é 数.txt", "größer 更大\n")
    assert (tmp_path / "a" / "b" / "é 数.txt").read_text(encoding="utf-8") == "größer 更大\n"
    assert [item.name for item in (tmp_path / "a" / "b").iterdir()] == ["é 数.txt"]


def test_json_is_readable_by_people(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"classes": ["ü", "数"]})
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"classes": ["ü", "数"]} and "ü" in text and text.endswith("\n")


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt(), OSError(errno.ENOSPC, "no space")])
def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises((type(error), LissomError)), whole_file(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with whole_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("on disk"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("named") or replace(*paths))
    write_text(tmp_path / "file", "new")
    assert done == ["on disk", "named"] and (tmp_path / "file").read_text() == "new"


def test_a_folder_is_brought_to_the_disk_with_all_that_is_in_it_and_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "made" / "inside").mkdir(parents=True)
    for name in ("made/one", "made/inside/two"):
        (tmp_path / name).write_text(name)
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    bring_to_disk(tmp_path / "made")
    there = [tmp_path / name for name in ("", "made", "made/one", "made/inside", "made/inside/two")]
    assert sorted(synced) == sorted(path.stat().st_ino for path in there)


def test_a_full_disk_is_said_with_a_hint(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(LissomError, match=r"the disk is full: .*file could not be written") as caught:
        write_text(path, "new")
    assert "finished work is kept" in caught.value.hints[0]
    assert path.read_text() == "old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_is_a_full_disk_too(tmp_path: Path, number: int) -> None:
    with pytest.raises(LissomError, match="the disk is full"), writing(tmp_path / "file"):
        raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM, errno.ENAMETOOLONG])
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, number: int) -> None:
    with pytest.raises(LissomError, match="cannot be written") as caught, writing(tmp_path / "file"):
        raise OSError(number, os.strerror(number))
    assert caught.value.hints == ("choose a folder that can be written",)


def test_other_errors_are_our_own(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="weird"), writing(tmp_path / "file"):
        raise OSError(errno.EIO, "weird")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LissomError, match="cannot be written"):
        write_text(tmp_path / "file" / "more", "y")
    with pytest.raises(LissomError, match="cannot be written"):
        write_text(tmp_path / "file" / "even" / "more", "y")
    with pytest.raises(LissomError, match="cannot be written"):
        check_writable(tmp_path / "file")
    with pytest.raises(LissomError, match="cannot be written"):
        check_writable(tmp_path / ("long" * 100))


def test_a_folder_in_the_way_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(LissomError, match="cannot be written"):
        write_json(tmp_path / "x.json", {})
    assert [item.name for item in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LissomError, match="cannot be written"):
            check_writable(tmp_path / "run")
    finally:
        tmp_path.chmod(0o700)


def test_a_file_system_that_is_never_written() -> None:
    with pytest.raises(LissomError, match="cannot be written"):
        check_writable(Path("/proc/run"))


def test_room_is_checked_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 9 * 10**8, 10**8))
    check_writable(tmp_path / "run", need_bytes=10**8)
    with pytest.raises(LissomError, match=r"100 MB free, this run needs about 200 MB"):
        check_writable(tmp_path / "run", need_bytes=2 * 10**8)
    assert list((tmp_path / "run").iterdir()) == []


def test_hashes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_home_that_nobody_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert place_of("~/data") == tmp_path / "data" and place_of("data") == Path("data")
    with pytest.raises(LissomError, match="~nobody-of-this-name/data: there is no such home folder"):
        place_of("~nobody-of-this-name/data")


def test_room_for_temporary_files_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 10**6, 10**6))
    check_temporary(10**6)
    with pytest.raises(LissomError, match="the folder for temporary files, has 1 MB free, about 2 MB are") as caught:
        check_temporary(2 * 10**6)
    assert "TMPDIR=FOLDER" in caught.value.hints[0]


def test_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(LissomError, match=r"r\\udce9s' has a name that is not UTF-8"):
        check_writable(tmp_path / os.fsdecode(b"r\xe9s"))
    assert not list(tmp_path.iterdir())
