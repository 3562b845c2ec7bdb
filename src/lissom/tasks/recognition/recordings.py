"""Recordings with what is said in them: a manifest, a table, folders with a text beside each file, or objects."""

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.core.tables import Table
from lissom.tasks.class_folders import has_common_top, in_parts, names_in_folder, open_zip, rows_by_part
from lissom.tasks.columns import by_part, column, value_of
from lissom.tasks.damage import UNREADABLE
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.json_lines import Row
from lissom.tasks.listing import Found, Items, Listing
from lissom.tasks.speech.clips import Clip, FileClips, ObjectClips, ZipClips
from lissom.tasks.speech.manifest import FILES, SPEAKERS, check_files, rows_of
from lissom.tasks.speech.sources import CLIPS
from lissom.tasks.user_data import given_parts
from lissom.tasks.whole_text import check_whole

TEXTS = ("text", "transcript", "transcription", "sentence", "normalized_text", "raw_text")
EXPECTED = "return (train, test), (train, select, test), or a dict of these; each a sequence of ((samples, rate), text)"
_EXAMPLE = '{"audio": "1.wav", "text": "good morning", "speaker": "anna"}'


@dataclass(frozen=True)
class Recording:
    """A clip, not yet decoded, and what is said in it; ``None``: nobody wrote it down."""

    clip: Clip
    text: str | None


@dataclass(frozen=True)
class Recordings:
    """Clips and their texts."""

    clips: Items[Clip]
    texts: Sequence[str] | None

    def __len__(self) -> int:
        return len(self.clips)

    def read(self, row: int) -> Recording:
        """One recording."""
        return Recording(self.clips.read(row), None if self.texts is None else self.texts[row])

    def name(self, row: int) -> str:
        """What its clip is called."""
        return self.clips.name(row)


def find(data: Any, *, download: bool = False, progress: Progress | None = None) -> Found[Recording]:
    """List what a source of data holds, without decoding a recording.

    Args:
        data: a manifest in JSON lines, or a CSV or TSV with columns of files and of texts; a folder or a zip of files,
            with a ``.txt`` beside each, below ``train``, ``val`` and ``test`` or not; ``file.py:function``; or what
            such a function returns.
        download: is not used: no data set is known by name.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, a file is missing, or it is damaged.
    """
    return find_with(data, Readers(Table("data set", {}), _in_object, _in_folder, _in_file), progress=progress)


def _in_file(path: Path) -> Found[Recording]:
    ending = path.suffix.lower()
    if ending in (".jsonl", ".json"):
        return _in_rows(path, rows_of(path, _EXAMPLE))
    if ending in (".csv", ".tsv"):
        return _in_rows(path, _table(path))
    if ending == ".zip":
        archive, names = open_zip(path, CLIPS)
        beside = {name for name in archive.namelist() if name.lower().endswith(".txt")}
        texts = {name: _member(path, archive, name) for name in map(_beside, names) if name in beside}
        return _arranged(path.stem, str(path), ZipClips(archive, names), names, texts)
    raise LissomError(
        f"{path} is not data that can be read here",
        hint="give a .jsonl or .csv of files and texts, a folder or .zip with a .txt beside each file",
    )


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except UNREADABLE as error:
        raise LissomError(f"{name} in {path} cannot be read: {error}", hint="pack or fetch it again") from error


def _table(path: Path) -> list[tuple[int, Row]]:
    """The rows of a table with the numbers of their lines. One that is parted by tabs quotes nothing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise LissomError(f"{path} cannot be read as text: {error}", hint="save it as UTF-8") from error
    csv.field_size_limit(1 << 30)  # a text may be as long as it likes
    delimiter, quoting = ("\t", csv.QUOTE_NONE) if path.suffix.lower() == ".tsv" else (",", csv.QUOTE_MINIMAL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    try:
        (_, names), *rows = [(reader.line_num, row) for row in reader if row] or [(0, [])]
    except csv.Error as error:
        raise LissomError(f"{path}, line {reader.line_num}: {error}", hint="save it anew") from error
    if not rows:
        raise LissomError(f"{path} holds no rows", hint="a first line such as audio,text and one line a file")
    for number, row in rows:
        if len(row) != len(names):
            raise LissomError(
                f"{path}, line {number}: {len(row)} columns, where the first line has {len(names)}",
                hint="put texts with commas, quotes or line breaks between double quotes; a .tsv quotes nothing",
            )
    return [(number, dict(zip(names, row, strict=True))) for number, row in rows]


def _in_rows(path: Path, rows: list[tuple[int, Row]]) -> Found[Recording]:
    names = [str(value_of(path, number, row, FILES)) for number, row in rows]
    check_files(path, names)
    groups = column(path, rows, SPEAKERS)
    recordings = Recordings(FileClips(path.parent, names), _texts(path, rows))
    parts = {
        part: Listing(recordings, np.asarray(places), None, None if groups is None else np.asarray(groups)[places])
        for part, places in by_part(path, rows).items()
    }
    return Found(path.stem, parts)


def _texts(path: Path, rows: list[tuple[int, Row]]) -> list[str] | None:
    """What is said in each file; an empty text is one, a missing one is not."""
    found = [next((row[name] for name in TEXTS if row.get(name) is not None), None) for _, row in rows]
    if all(text is None for text in found):
        return None
    for (number, _), text in zip(rows, found, strict=True):
        if not isinstance(text, str):
            what = "no text" if text is None else f"a text that is a {type(text).__name__}"
            raise LissomError(
                f"{path}, line {number} has {what}",
                hint=f"it may be called {', '.join(TEXTS)}; where nothing is said it is empty",
            )
    return [str(text) for text in found]


def _in_folder(path: Path) -> Found[Recording]:
    names = names_in_folder(path, CLIPS)
    texts = {name: (path / name).read_bytes() for name in map(_beside, names) if (path / name).is_file()}
    return _arranged(path.name, str(path), FileClips(path, names), names, texts)


def _beside(name: str) -> str:
    """The name of the text that belongs to a file of sound."""
    return f"{name.rpartition('.')[0]}.txt"


def _arranged(
    name: str, where: str, clips: Items[Clip], names: Sequence[str], written: dict[str, bytes]
) -> Found[Recording]:
    """Listings by the folders train, val and test, where they stand above the clips, or in the one folder that does."""
    if not names:
        raise LissomError(f"{where} holds no clips", hint=f"known endings: {' '.join(sorted(CLIPS.endings))}")
    paths = [tuple(item.split("/")) for item in names]
    while not in_parts(paths) and has_common_top(paths, above=1):
        paths = [path[1:] for path in paths]
    parts, beside = rows_by_part(paths, CLIPS)
    texts = _texts_beside(where, names, written, [row for rows in parts.values() for row in rows]) if written else None
    recordings = Recordings(clips, texts)
    listings = {part: Listing(recordings, np.asarray(rows), None) for part, rows in parts.items()}
    return Found(name, listings, notes=beside)


def _texts_beside(where: str, names: Sequence[str], written: dict[str, bytes], rows: Sequence[int]) -> list[str]:
    """The text beside each clip; those that are in no part, and so not in ``rows``, need none."""
    without = [names[row] for row in rows if _beside(names[row]) not in written]
    if without:
        raise LissomError(
            f"{where}: {len(without)} of {len(rows)} clips have no text beside them, such as {without[0]}",
            hint=f"write {_beside(without[0])}; where nothing is said it is empty",
        )
    texts = [""] * len(names)
    for row in rows:
        texts[row] = _decoded(where, names[row], written[_beside(names[row])])
    return texts


def _decoded(where: str, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise LissomError(f"{where}: the text beside {name} is no text: {error}", hint="save it as UTF-8") from error


def _in_object(data: Any, where: str) -> Found[Recording]:
    given, _ = given_parts(data, where, EXPECTED)
    parts: dict[str, Listing[Recording]] = {}
    for name, items in given.items():
        try:
            texts = [items[row][1] for row in range(len(items))]
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise LissomError(f"{where}: {name} is not a sequence of ((samples, rate), text)", hint=EXPECTED) from error
        if not all(isinstance(text, str) for text in texts):
            raise LissomError(f"{where}: a text of {name} is none", hint=EXPECTED)
        for row, text in enumerate(texts):
            check_whole(text, f"the text of {where} {name} {row}")
        parts[name] = Listing(Recordings(ObjectClips(items, f"{where} {name}"), texts), np.arange(len(items)), None)
    return Found(where, parts)
