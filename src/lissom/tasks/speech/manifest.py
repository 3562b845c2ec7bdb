"""A manifest: JSON lines that name a file of sound each, its label, and where they are known its split and speaker."""

import os
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.columns import by_part, column, value_of
from lissom.tasks.json_lines import Row, parse_lines
from lissom.tasks.listing import Found, Listing
from lissom.tasks.speech.clips import Clip, FileClips

FILES = ("audio", "file", "path", "audio_filepath", "filename")
LABELS = ("label", "command", "keyword", "class", "text")
SPEAKERS = ("speaker", "group", "speaker_id", "client_id")
_SHOWN = 80  # letters of a name that is told
_EXAMPLE = '{"audio": "yes/1.wav", "label": "yes", "speaker": "anna"}'


def find_in_manifest(path: Path) -> Found[Clip]:
    """List the clips of a manifest; files are looked for from its folder.

    Labels are names of classes, sorted, or numbers of the model's outputs.

    Raises:
        LissomError: it is damaged or empty, a row lacks a file or a label that others have, or files are missing.
    """
    rows = rows_of(path, _EXAMPLE)
    names = [str(value_of(path, number, row, FILES)) for number, row in rows]
    check_files(path, names)
    labels, classes = _labels(path, rows)
    groups = column(path, rows, SPEAKERS)
    clips = FileClips(path.parent, names)
    parts: dict[str, Listing[Clip]] = {}
    for part, places in by_part(path, rows).items():
        at = np.asarray(places, dtype=np.int64)
        speakers = None if groups is None else np.asarray(groups)[at]
        parts[part] = Listing(clips, at, None if labels is None else labels[at], speakers)
    return Found(path.stem, parts, classes, numbered=labels is not None and not classes)


def check_files(path: Path, names: list[str]) -> None:
    """Refuse a manifest that names files which are not there; they are looked for from its folder.

    Raises:
        LissomError: some are missing.
    """
    # Path.is_file raises where a name is too long, as a text is that stands in the column of files
    missing = [name for name in names if not os.path.isfile(path.parent / name)]
    if missing:
        shown = ", ".join(repr(name[:_SHOWN]) for name in missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise LissomError(
            f"{path} names {len(missing)} of {len(names)} files that are not there: {shown}",
            hint=f"paths are read from {path.parent.resolve()}",
        )


def rows_of(path: Path, example: str) -> list[tuple[int, Row]]:
    """The rows with the numbers of their lines.

    Args:
        path: of the manifest.
        example: of a line, for the hint of what belongs there.

    Raises:
        LissomError: it is empty, or a line is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise LissomError(f"{path} cannot be read as text: {error}", hint="save it as UTF-8") from error
    rows = parse_lines(path, text, example, paths=FILES)
    if not rows:
        raise LissomError(f"{path} is empty", hint=example)
    return rows


def _labels(path: Path, rows: list[tuple[int, Row]]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    words = column(path, rows, LABELS)
    if words is None:
        return None, ()
    given = [next(row[name] for name in LABELS if row.get(name) not in (None, "")) for _, row in rows]
    if all(isinstance(value, int) for value in given):
        return np.asarray(given, dtype=np.int64), ()
    classes = tuple(sorted(set(words)))
    number = {name: k for k, name in enumerate(classes)}
    return np.asarray([number[word] for word in words], dtype=np.int64), classes
