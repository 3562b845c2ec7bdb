"""Folders and zips of class folders, of any task, with or without ``train``, ``val`` and ``test`` above them."""

import os
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.listing import PARTS, Found, Item, Items, Listing

Levels = tuple[str, ...]  # of a path, from the top
LEAST = 2  # examples of a class: one to learn from and one to judge by


@dataclass(frozen=True)
class Kind:
    """What is looked for in folders.

    Args:
        one: what an example is called in messages.
        many: the same, of several.
        endings: of the names of files, in lower case, with the dot.
    """

    one: str
    many: str
    endings: frozenset[str]

    def has(self, name: str) -> bool:
        """Whether a path in a folder or an archive is that of an example; hidden files are not."""
        file = name.rpartition("/")[2]
        return os.path.splitext(file)[1].lower() in self.endings and not file.startswith(".")


def names_in_folder(folder: Path, kind: Kind) -> list[str]:
    """Paths of examples below ``folder``, sorted; links to folders are followed, each folder is visited once.

    Raises:
        LissomError: a folder cannot be read.
    """
    return sorted(_walk(folder, kind))


def _walk(folder: Path, kind: Kind) -> Iterator[str]:

    def refuse(error: OSError) -> None:
        raise LissomError(f"{error.filename} cannot be read: {error.strerror}") from error

    seen: set[str] = set()
    for place, inner, files in os.walk(folder, onerror=refuse, followlinks=True):
        seen.add(os.path.realpath(place))
        inner[:] = [name for name in inner if os.path.realpath(os.path.join(place, name)) not in seen]
        below = Path(place).relative_to(folder).as_posix()
        yield from (name if below == "." else f"{below}/{name}" for name in files if kind.has(name))


def open_zip(path: Path, kind: Kind) -> tuple[zipfile.ZipFile, list[str]]:
    """A zip that is read in place, and the examples in it, sorted.

    Raises:
        LissomError: it is not a whole zip, or locked.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise LissomError(
            f"{path} cannot be read as a zip: {error}", hint="it may be cut off; fetch it again"
        ) from error
    if any(member.flag_bits & 1 for member in archive.infolist()):
        raise LissomError(f"{path} is locked with a password", hint="unpack it and give the folder")
    return archive, sorted(name for name in archive.namelist() if kind.has(name) and not name.startswith("__MACOSX/"))


def arrange(where: str, name: str, items: Items[Item], names: list[str], kind: Kind) -> Found[Item]:
    """Listings by split and class, from paths such as ``train/cat/1.png``: one for each example.

    Raises:
        LissomError: there are no examples, or a class has too few.
    """
    if not names:
        raise LissomError(
            f"{where} holds no {kind.many}",
            hint=f"known endings: {' '.join(sorted(kind.endings))}; one folder a class",
        )
    paths = [tuple(item.split("/")) for item in names]
    while has_common_top(paths, above=2):
        paths = [path[1:] for path in paths]
    parts, beside = rows_by_part(paths, kind)
    inner = paths if "all" in parts else [path[1:] for path in paths]
    classes, notes = _classes(where, [inner[row] for rows in parts.values() for row in rows], kind)
    listings = {part: _listing(items, inner, rows, classes) for part, rows in parts.items()}
    _check_classes(where, listings, classes, kind)
    return Found(name, listings, classes, notes=(*notes, *beside))


def rows_by_part(paths: Sequence[Levels], kind: Kind) -> tuple[dict[str, list[int]], tuple[str, ...]]:
    """The rows of each part by the folders at the top, all in ``"all"`` where these are no splits; and a note of how
    many lie beside the folders of the splits, and so in no part."""
    if not in_parts(paths):
        return {"all": list(range(len(paths)))}, ()
    parts: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        part = PARTS.get(path[0].lower()) if len(path) > 1 else None
        if part is not None:
            parts[part].append(row)
    beside = len(paths) - sum(map(len, parts.values()))
    return dict(parts), (f"{beside} {kind.many} beside the folders of the splits were left out",) if beside else ()


def in_parts(paths: Sequence[Levels]) -> bool:
    """Whether folders of splits lie at the top: two different ones do, or all there is lies in one."""
    tops = [path[0].lower() if len(path) > 1 else "" for path in paths]
    return len({PARTS[top] for top in tops if top in PARTS}) > 1 or all(top in PARTS for top in tops)


def has_common_top(paths: Sequence[Levels], *, above: int) -> bool:
    """Whether everything lies in one folder, such as most zips have, that stands above so many levels at least."""
    return len({path[0] for path in paths}) == 1 and min(map(len, paths)) > above


def _classes(where: str, paths: Iterable[Levels], kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
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
            hint=f"give one folder a class, or {kind.many} without folders to guard by agreement alone",
        )
    note = (f"{stray} {kind.many} beside the class folders were left out",) if stray else ()
    return classes, note


def _listing(items: Items[Item], paths: list[Levels], rows: list[int], classes: tuple[str, ...]) -> Listing[Item]:
    if not classes:
        return Listing(items, np.asarray(rows, dtype=np.int64), None)
    number = {name: k for k, name in enumerate(classes)}
    rows = [row for row in rows if len(paths[row]) > 1]
    labels = [number[paths[row][0]] for row in rows]
    return Listing(items, np.asarray(rows, dtype=np.int64), np.asarray(labels, dtype=np.int64))


def _check_classes(where: str, listings: dict[str, Listing[Item]], classes: tuple[str, ...], kind: Kind) -> None:
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
                f"{where}: the class {name!r} has {count} {kind.one}, at least {LEAST} are needed",
                hint=f"add {kind.many}, or move the folder away",
            )
