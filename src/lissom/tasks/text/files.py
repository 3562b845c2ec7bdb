"""Tables of texts in files: CSV and TSV, JSON lines, and a Hugging Face data set saved to disk."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.json_lines import parse_lines
from lissom.tasks.listing import PARTS
from lissom.tasks.saved import is_saved, saved_parts, without_hidden
from lissom.tasks.text.tables import LABELS, ONE, TWO, Row, Table, Wanted, numbers_in

ENDINGS = (".csv", ".tsv", ".jsonl", ".json")
_FEW = 10  # rows: with fewer, each may have a label of its own
_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_file(path: Path, wanted: Wanted) -> Table:
    """The table in one file.

    Raises:
        LissomError: it cannot be read, or is of a kind that is not known.
    """
    return Table(path.stem, {"all": _rows(path, wanted)})


def _rows(path: Path, wanted: Wanted) -> list[Row]:
    if path.suffix.lower() in (".csv", ".tsv"):
        return _csv(path, wanted)
    if path.suffix.lower() in (".jsonl", ".json"):
        return [row for _, row in parse_lines(path, text_of(path), '{"text": ..., "label": ...}')]
    raise LissomError(f"{path} is not data that can be read here", hint=f"known endings: {', '.join(ENDINGS)}")


def read_folder(path: Path, wanted: Wanted) -> Table:
    """The table in a folder: a saved Hugging Face data set, or files called train, select or test.

    Raises:
        LissomError: there is neither, or two files are for the same part.
    """
    if is_saved(path):
        return _saved_dataset(path)
    files = sorted(item for item in path.iterdir() if item.suffix.lower() in ENDINGS and item.stem.lower() in PARTS)
    if not files:
        raise LissomError(
            f"{path} holds no data that can be read here",
            hint=(
                "give train.csv and test.csv (or .jsonl) in it",
                "or a data set saved with save_to_disk",
                "for pictures --task image",
            ),
        )
    parts: dict[str, Path] = {}
    for item in files:
        part = PARTS[item.stem.lower()]
        if part in parts:
            raise LissomError(
                f"{path} has two files for {part}: {parts[part].name} and {item.name}", hint="leave one of them there"
            )
        parts[part] = item
    return Table(path.name, {part: _rows(item, wanted) for part, item in parts.items()})


def text_of(path: Path) -> str:
    """A file as text.

    Raises:
        LissomError: it is not UTF-8; the line is named.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LissomError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        kind = _BOMS.get(content[:2], "another encoding, such as Latin-1")
        line = content[: error.start].count(b"\n") + 1
        raise LissomError(
            f"{path} is not UTF-8: line {line} has the byte 0x{content[error.start]:02x} (it looks like {kind})",
            hint="save it as UTF-8",
        ) from error


def _csv(path: Path, wanted: Wanted) -> list[Row]:
    text = text_of(path)
    csv.field_size_limit(1 << 30)  # a text may be as long as it likes
    try:
        lines = io.StringIO(text, newline="")  # of these alone: a text may hold other separators of Unicode
        rows = [row for row in csv.reader(lines, delimiter=_delimiter(path, text)) if row]
    except csv.Error as error:
        raise LissomError(f"{path} is not a table: {error}", hint="save it as CSV anew") from error
    if not rows:
        return []
    names = [cell.strip() for cell in rows[0]]
    if not _is_header(names, wanted):
        names, rows = _without_header(path, rows), [[], *rows]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise LissomError(f"{path} has two columns called {double!r}", hint="give each a name of its own")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise LissomError(
                f"{path}, row {number}: {len(row)} columns, where the first row has {len(names)}",
                hint="put texts with commas, quotes or line breaks between double quotes",
            )
    return [dict(zip(names, row, strict=True)) for row in rows[1:]]


def _delimiter(path: Path, text: str) -> str:
    first = text.partition("\n")[0]
    if path.suffix.lower() == ".tsv" or "\t" in first:
        return "\t"
    return ";" if ";" in first and "," not in first else ","


def _is_header(cells: Sequence[str], wanted: Wanted) -> bool:
    known = {*ONE, *LABELS, *(name for pair in TWO for name in pair)}
    return bool({cell.lower() for cell in cells} & known) or bool({*wanted.texts, wanted.label} & set(cells))


def _without_header(path: Path, rows: Sequence[Sequence[str]]) -> list[str]:
    """Names for two columns without any: the one with fewer different values holds the labels."""
    if len(rows[0]) != 2 or any(len(row) != 2 for row in rows):
        raise LissomError(
            f"{path} has no header that is known: {', '.join(rows[0])[:100]}",
            hint=f"call the columns {ONE[0]!r} and {LABELS[0]!r}, or name them with --text and --label",
        )
    first, second = (len({row[column] for row in rows}) for column in (0, 1))
    label = 0 if first < second else 1
    shown = rows[0][label]
    single = sum(row[label] == shown for row in rows) == 1
    if (
        single
        and len(rows) > _FEW
        and len({row[label] for row in rows}) < len(rows) // 2
        and numbers_in([shown]) is None
    ):
        raise LissomError(
            f"{path} begins with {', '.join(rows[0])[:100]!r}, and {shown[:40]!r} is the label of no other row",
            hint=(
                f"if these are names of columns: --text {rows[0][1 - label]} --label {shown}",
                f"if they are a text and its label: put a first line {ONE[0]},{LABELS[0]} above them",
            ),
        )
    return ["label", "text"] if label == 0 else ["text", "label"]


def _saved_dataset(path: Path) -> Table:
    """What ``datasets`` wrote with ``save_to_disk``."""
    splits = saved_parts(path)
    column, classes = _class_label(next(iter(splits.values())).features)
    splits, notes = without_hidden(path, splits, column)
    parts = {part: list(data) for part, data in splits.items()}
    return Table(path.name, parts, classes, numbered=not classes, notes=notes)


def _class_label(features: Any) -> tuple[str | None, tuple[str, ...]]:
    """The column of labels whose numbers have names, and these."""
    for column, feature in features.items():
        if getattr(feature, "names", None) and column.lower() in LABELS:
            return column, tuple(feature.names)
    return None, ()
