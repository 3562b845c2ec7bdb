"""Folders and zips of class folders, with or without ``train``, ``val`` and ``test`` above them."""

import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.image.pictures import FilePictures, Pictures, ZipPictures
from lissom.tasks.listing import PARTS, Found, Listing

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
LEAST = 2  # pictures of a class: one to learn from and one to judge by


def find_in_folder(folder: Path) -> Found:
    """List the pictures below a folder.

    Raises:
        LissomError: there are none, or a class has too few.
    """
    names = sorted(_walk(folder))
    return arrange(str(folder), folder.name, FilePictures(folder, names), names)


def _walk(folder: Path) -> Iterator[str]:
    """Paths of pictures below ``folder``; links to folders are followed, each folder is visited once."""

    def refuse(error: OSError) -> None:
        raise LissomError(f"{error.filename} cannot be read: {error.strerror}") from error

    seen: set[str] = set()
    for place, inner, files in os.walk(folder, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(place))
        inner[:] = [name for name in inner if os.path.realpath(os.path.join(place, name)) not in seen]
        below = Path(place).relative_to(folder).as_posix()
        yield from (name if below == "." else f"{below}/{name}" for name in files if _is_picture(name))


def find_in_zip(path: Path) -> Found:
    """List the pictures in a zip, which is then read in place.

    Raises:
        LissomError: it is not a whole zip, holds no pictures, or a class has too few.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise LissomError(
            f"{path} cannot be read as a zip: {error}", hint="it may be cut off; fetch it again"
        ) from error
    if any(member.flag_bits & 1 for member in archive.infolist()):
        raise LissomError(f"{path} is locked with a password", hint="unpack it and give the folder")
    names = sorted(name for name in archive.namelist() if _is_picture(name) and not name.startswith("__MACOSX/"))
    return arrange(str(path), path.stem, ZipPictures(archive, names), names)


def _is_picture(name: str) -> bool:
    file = name.rpartition("/")[2]
    return os.path.splitext(file)[1].lower() in ENDINGS and not file.startswith(".")


def arrange(where: str, name: str, pictures: Pictures, names: list[str]) -> Found:
    """Listings by split and class, from paths such as ``train/cat/1.png``: one for each picture.

    Raises:
        LissomError: there are no pictures, or a class has too few.
    """
    if not names:
        raise LissomError(
            f"{where} holds no pictures", hint=f"known endings: {' '.join(sorted(ENDINGS))}; one folder a class"
        )
    paths = _without_common_top([tuple(item.split("/")) for item in names])
    parts: dict[str, list[int]] = defaultdict(list)
    in_parts = all(len(path) > 1 and path[0].lower() in PARTS for path in paths)
    for row, path in enumerate(paths):
        parts[PARTS[path[0].lower()] if in_parts else "all"].append(row)
    inner = [path[1:] for path in paths] if in_parts else paths
    classes, notes = _classes(where, inner)
    listings = {part: _listing(pictures, inner, rows, classes) for part, rows in parts.items()}
    _check_classes(where, listings, classes)
    return Found(name, listings, classes, notes=notes)


def _without_common_top(paths: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Drop folders above everything, such as the one that most zips have, but not the last two levels."""
    while len({path[0] for path in paths}) == 1 and min(len(path) for path in paths) > 2:
        paths = [path[1:] for path in paths]
    return paths


def _classes(where: str, paths: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the classes, sorted as torchvision's ImageFolder does; none where there are no folders."""
    paths = list(paths)
    stray = sum(len(path) == 1 for path in paths)
    classes = tuple(sorted({path[0] for path in paths if len(path) > 1}))
    if not classes or stray == len(paths):
        return (), ()
    if len(classes) == 1:
        if stray:
            return (), ()
        raise LissomError(
            f"{where} has a single class folder, {classes[0]!r}",
            hint="give one folder a class, or pictures without folders to guard by agreement alone",
        )
    note = (f"{stray} pictures beside the class folders were left out",) if stray else ()
    return classes, note


def _listing(pictures: Pictures, paths: list[tuple[str, ...]], rows: list[int], classes: tuple[str, ...]) -> Listing:
    if not classes:
        return Listing(pictures, np.asarray(rows, dtype=np.int64), None)
    number = {name: k for k, name in enumerate(classes)}
    rows = [row for row in rows if len(paths[row]) > 1]
    labels = [number[paths[row][0]] for row in rows]
    return Listing(pictures, np.asarray(rows, dtype=np.int64), np.asarray(labels, dtype=np.int64))


def _check_classes(where: str, listings: dict[str, Listing], classes: tuple[str, ...]) -> None:
    learnt = listings.get("train") or listings.get("all") or next(iter(listings.values()))
    if learnt.labels is None:
        return
    counts = np.bincount(learnt.labels, minlength=len(classes))
    for name, count in zip(classes, counts, strict=True):
        if count == 0:
            raise LissomError(
                f"{where}: there is no class {name!r} to learn from, though another split has it",
                hint="every split needs the same class folders",
            )
        if count < LEAST:
            raise LissomError(
                f"{where}: the class {name!r} has {count} picture, at least {LEAST} are needed",
                hint="add pictures, or move the folder away",
            )
