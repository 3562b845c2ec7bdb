"""A CSV of picture files and labels, with or without a header and a column that names the split."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.image.folders import ENDINGS
from lissom.tasks.image.pictures import FilePictures
from lissom.tasks.listing import PARTS, Found, Listing

FILE_COLUMNS = ("file", "filename", "file_name", "path", "filepath", "image", "picture")
INDEX_COLUMNS = ("class_index", "label_index", "class_id", "label_id", "index", "target")
LABEL_COLUMNS = ("label", "class", "class_name", "name", "category")
SPLIT_COLUMNS = ("split", "subset", "set", "part")


@dataclass(frozen=True)
class Columns:
    """The numbers of the columns; all but ``file`` may be ``None``.

    ``name`` is a column of names beside one of class numbers.
    """

    file: int
    label: int | None
    split: int | None = None
    first_row: int = 0
    name: int | None = None


def find_in_csv(path: Path) -> Found:
    """List the pictures of a CSV; files are looked for from its folder.

    Labels that are all whole numbers are numbers of the model's outputs; others are names, sorted. A column of
    class numbers goes before one of names.

    Raises:
        LissomError: it is empty or cannot be read, or files are missing.
    """
    rows = _rows(path)
    columns = _columns(path, rows)
    body = rows[columns.first_row :]
    short = next(
        (k for k, row in enumerate(body) if len(row) <= max(columns.file, columns.label or 0, columns.name or 0)),
        None,
    )
    if not body or short is not None:
        where = "no rows" if short is None else f"too few columns in row {short + columns.first_row + 1}"
        raise LissomError(f"{path} has {where}", hint="it needs a column of files and one of labels")
    names = [row[columns.file] for row in body]
    _check_files(path, names)
    labels, classes, numbered = _labels([row[columns.label] for row in body] if columns.label is not None else None)
    if labels is not None and numbered and columns.name is not None:
        classes = _names(labels, [row[columns.name] for row in body])
    pictures = FilePictures(path.parent, names)
    parts = {
        part: Listing(pictures, np.asarray(at), None if labels is None else labels[at])
        for part, at in _by_part(path, body, columns).items()
    }
    return Found(path.stem, parts, classes, numbered=numbered)


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise LissomError(f"{path} cannot be read as text: {error}", hint="save it as UTF-8") from error
    delimiter = "\t" if "\t" in text[:1000] else (";" if ";" in text[:1000] and "," not in text[:1000] else ",")
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter)]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise LissomError(f"{path} is empty", hint="it needs a column of files and one of labels")
    return rows


def _columns(path: Path, rows: list[list[str]]) -> Columns:
    head = [cell.lower() for cell in rows[0]]

    def named(names: tuple[str, ...]) -> int | None:
        return next((head.index(name) for name in names if name in head), None)

    file = named(FILE_COLUMNS)
    if file is not None:
        number, name, split = named(INDEX_COLUMNS), named(LABEL_COLUMNS), named(SPLIT_COLUMNS)
        return Columns(file, name if number is None else number, split, 1, None if number is None else name)
    for first_row in (0, 1):  # a header of other words is told by its having no picture in it
        row = rows[first_row] if len(rows) > first_row else []
        file = next((k for k, cell in enumerate(row) if Path(cell).suffix.lower() in ENDINGS), None)
        if file is not None:
            return Columns(file, next((k for k in range(len(row)) if k != file), None), None, first_row)
    raise LissomError(
        f"{path} has no column of picture files",
        hint=f"name it {FILE_COLUMNS[0]!r}, and the labels {LABEL_COLUMNS[0]!r} or {INDEX_COLUMNS[0]!r}",
    )


def _check_files(path: Path, names: list[str]) -> None:
    missing = [name for name in names if not (path.parent / name).is_file()]
    if missing:
        raise LissomError(
            f"{path} names {len(missing)} of {len(names)} files that are not there, such as {missing[0]!r}",
            hint=f"paths are read from {path.parent.resolve()}",
        )


def _labels(words: list[str] | None) -> tuple[np.ndarray | None, tuple[str, ...], bool]:
    """Labels ``(rows,)``, names of classes, and whether the labels are numbers of the model's outputs."""
    if words is None:
        return None, (), False
    if all(word.lstrip("-").isdigit() for word in words):
        return np.asarray([int(word) for word in words], dtype=np.int64), (), True
    classes = tuple(sorted(set(words)))
    number = {name: k for k, name in enumerate(classes)}
    return np.asarray([number[word] for word in words], dtype=np.int64), classes, False


def _names(labels: np.ndarray, words: list[str]) -> tuple[str, ...]:
    """Names of the outputs up to the highest label; its number for an output that no row names."""
    known = dict(zip(labels.tolist(), words, strict=True))
    return tuple(known.get(number, str(number)) for number in range(int(labels.max()) + 1))


def _by_part(path: Path, body: list[list[str]], columns: Columns) -> dict[str, list[int]]:
    if columns.split is None:
        return {"all": list(range(len(body)))}
    parts: dict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(body):
        word = row[columns.split].lower() if len(row) > columns.split else ""
        if word not in PARTS:
            raise LissomError(
                f"{path}, row {position + columns.first_row + 1}: {word!r} is not a split",
                hint=f"known: {', '.join(PARTS)}",
            )
        parts[PARTS[word]].append(position)
    return dict(parts)
