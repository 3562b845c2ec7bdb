"""From what the user gives as data to the videos in it: folders as UCF-101, HMDB-51 and Kinetics have them, CSV."""

import csv
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.class_folders import Kind, arrange, names_in_folder
from lissom.tasks.columns import column
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.listing import PARTS, Found, Listing
from lissom.tasks.video.datasets import DATASETS

VIDEOS = Kind("video", "videos", frozenset([".avi", ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg"]))
EXPECTED = "return the path of a folder or CSV of videos, or (train, test) of sequences of (path, label)"
_UCF_GROUP = re.compile(r"v_\w+_(g\d+)_c\d+\.\w+$")
_HMDB_PARTS = {"1": "train", "2": "test"}  # 0: in neither


@dataclass(frozen=True)
class VideoFiles:
    """Videos in files below a folder."""

    folder: Path
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Path:
        """Where one video is."""
        return self.folder / self.names[row]

    def name(self, row: int) -> str:
        """The path below the folder."""
        return self.names[row]


def find(
    data: Any, *, group: str | None = None, download: bool = False, progress: Progress | None = None
) -> Found[Path]:
    """List the videos of a source, without opening one.

    Args:
        data: a folder of class folders, with or without ``train``, ``val`` and ``test`` above them; one with the lists
            of UCF-101 (``ucfTrainTestlist``) or HMDB-51 (``..._test_split1.txt``) in it, of which the first split is
            taken, whatever the endings; a CSV with columns ``path``, ``label`` (a name, or in all rows the number of
            the model's output) and perhaps ``split`` and ``group``; or ``file.py:function``.
        group: a pattern that finds in a path what is never divided, where the data does not say it.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, or nothing in it; groups are named for some videos alone, or in two ways.
    """
    readers = Readers(
        DATASETS,
        lambda data, where: _in_object(data, where, group),
        lambda path: _grouped(_in_folder(path), group),
        lambda path: _grouped(_in_csv(path), group),
    )
    found = find_with(data, readers, download=download, progress=progress)
    known = isinstance(data, (str, Path)) and str(data) in DATASETS
    return _grouped(found, group) if known else found


def _in_folder(path: Path) -> Found[Path]:
    names = names_in_folder(path, VIDEOS)
    lists = {**_ucf_lists(path), **_hmdb_lists(path)}
    if not lists:
        return arrange(str(path), path.name, VideoFiles(path, names), names, VIDEOS)
    listed = list(zip(names, _parts_listed(path, names, lists), strict=True))
    moved = [f"{part}/{'/'.join(name.split('/')[-2:])}" for name, part in listed if part]
    kept = [name for name, part in listed if part]
    found = arrange(str(path), path.name, VideoFiles(path, kept), moved, VIDEOS)
    left_out = len(names) - len(kept)
    return replace(found, notes=(*found.notes, f"{left_out} videos in no list were left out")) if left_out else found


def _parts_listed(path: Path, names: Sequence[str], lists: dict[str, str]) -> list[str]:
    """The part of each video, empty where it is in no list. A film that is not there as it is listed may be there with
    another ending: many have converted theirs since."""
    below = ["/".join(name.split("/")[-2:]) for name in names]
    there = set(below)
    converted = {os.path.splitext(name)[0]: part for name, part in lists.items() if name not in there}
    found = [lists.get(name) or converted.get(os.path.splitext(name)[0], "") for name in below]
    if names and not any(found):
        raise LissomError(
            f"the lists in {path} name none of the {len(names)} videos there: listed is {next(iter(lists))!r}, and "
            f"there is {below[0]!r}",
            hint="the folder of the class and the name have to be those of the lists; move the lists away to do "
            "without them",
        )
    return found


def _ucf_lists(path: Path) -> dict[str, str]:
    """``Class/v_Class_g01_c01.avi`` to its part, by the first split of UCF-101 (Soomro et al. 2012)."""
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        for listing in sorted(path.rglob(f"{part}list01.txt"))[:1]:
            lines = listing.read_text(encoding="utf-8").splitlines()
            parts |= {line.split()[0]: part for line in lines if line.strip()}
    return parts


def _hmdb_lists(path: Path) -> dict[str, str]:
    """``class/name.avi`` to its part, by the first split of HMDB-51 (Kuehne et al. 2011)."""
    parts: dict[str, str] = {}
    for listing in sorted(path.rglob("*_test_split1.txt")):
        name = listing.name.removesuffix("_test_split1.txt")
        for line in listing.read_text(encoding="utf-8").splitlines():
            file, _, mark = line.strip().rpartition(" ")
            if mark in _HMDB_PARTS:
                parts[f"{name}/{file.strip()}"] = _HMDB_PARTS[mark]
    return parts


def _in_csv(path: Path) -> Found[Path]:
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise LissomError(
            f"{path} is not data that can be read here", hint="give a folder of class folders, or a .csv of path,label"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ","))
    except (UnicodeDecodeError, csv.Error) as error:
        raise LissomError(f"{path} cannot be read as text: {error}", hint="save it as UTF-8") from error
    if not rows or not {"path", "label"} <= set(rows[0]) or any(not row["path"] or not row["label"] for row in rows):
        raise LissomError(f"{path} has no path and label in each row", hint="its first line has to be path,label")
    return _listed(path, rows)


def _listed(path: Path, rows: list[dict[str, str]]) -> Found[Path]:
    missing = [row["path"] for row in rows if not (path.parent / row["path"]).is_file()]
    if missing:
        raise LissomError(
            f"{path} names {len(missing)} of {len(rows)} files that are not there, such as {missing[0]!r}",
            hint=f"paths are read from {path.parent.resolve()}",
        )
    numbered = all(row["label"].removeprefix("-").isdecimal() for row in rows)
    classes = () if numbered else tuple(sorted({row["label"] for row in rows}))
    numbers = [int(row["label"]) if numbered else classes.index(row["label"]) for row in rows]
    labels = np.asarray(numbers, dtype=np.int64)
    groups = column(path, list(enumerate(rows, 2)), ("group",))
    parts: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        word = (row.get("split") or "all").lower()
        if word not in PARTS and word != "all":
            raise LissomError(f"{path}, row {number + 2}: {word!r} is not a split", hint=f"known: {', '.join(PARTS)}")
        parts[PARTS.get(word, word)].append(number)
    if "all" in parts and len(parts) > 1:
        raise LissomError(
            f"{path}, row {parts['all'][0] + 2}: no split, where other rows have one", hint=f"known: {', '.join(PARTS)}"
        )
    files = VideoFiles(path.parent, [row["path"] for row in rows])
    listings = {
        part: Listing(files, np.asarray(at), labels[at], None if groups is None else np.asarray(groups)[at])
        for part, at in parts.items()
    }
    name = path.stem if path.stem != "clips" else path.parent.name
    return Found(name, listings, classes, numbered=numbered, grouped_by="sources")


def _in_object(data: Any, where: str, group: str | None) -> Found[Path]:
    if isinstance(data, (str, Path)):
        return find(data, group=group)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise LissomError(f"{where} gave a {type(data).__name__}", hint=EXPECTED)
    parts: dict[str, Listing[Path]] = {}
    for part, items in zip(("train", "test") if len(data) == 2 else ("train", "select", "test"), data, strict=True):
        try:
            names = [str(path) for path, _ in items]
            labels = np.asarray([int(label) for _, label in items], dtype=np.int64)
        except (TypeError, ValueError) as error:
            raise LissomError(f"{where}: {part} is not a sequence of (path, label)", hint=EXPECTED) from error
        parts[part] = Listing(VideoFiles(Path(), names), np.arange(len(names)), labels)
    found = Found(where, parts, numbered=True)
    return found if group is None else _grouped(found, group)


def _grouped(found: Found[Path], pattern: str | None) -> Found[Path]:
    """With the group of each video, by a pattern or by the names of UCF-101."""
    if any(part.groups is not None for part in found.parts.values()):
        if pattern is not None:
            raise LissomError(
                f"{found.name} says which videos belong together, and the pattern of groups {pattern!r} says it anew",
                hint="leave out the pattern, or the column group of the table",
            )
        return found
    try:
        compiled = _UCF_GROUP if pattern is None else re.compile(pattern)
    except re.error as error:
        raise LissomError(f"the pattern of groups {pattern!r} is not one: {error}") from error
    if not compiled.groups:
        raise LissomError(f"the pattern of groups {pattern!r} has no group", hint=r"such as '(film\d+)'")
    parts: dict[str, Listing[Path]] = {}
    for part, listing in found.parts.items():
        matches = [compiled.search(name) for name in listing.names()]
        wrong = next((name for name, match in zip(listing.names(), matches, strict=True) if match is None), None)
        if wrong is not None:
            if pattern is not None:
                raise LissomError(f"the pattern of groups {pattern!r} does not fit {wrong!r}")
            return found
        parts[part] = replace(listing, groups=np.asarray([str(match[1]) for match in matches if match]))
    return replace(found, parts=parts, grouped_by="sources")
