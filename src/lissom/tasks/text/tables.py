"""From rows with named columns to texts and labels: which column is what, and what its labels mean."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.listing import PARTS, Found, Listing
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.texts import TextItems

Row = Mapping[str, Any]
ONE = ("text", "sentence", "content", "review", "document", "body", "title")
TWO = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text1", "text2"),
    ("text_a", "text_b"),
)
LABELS = ("label", "labels", "class", "category", "topic", "sentiment", "target", "score", "rating", "stars")
SPLITS = ("split", "subset", "set", "part")
SHOWN = 8


@dataclass(frozen=True)
class Columns:
    """The names of the columns: one or two of texts, one of labels, one that says the split."""

    texts: tuple[str, ...]
    label: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class Wanted:
    """What the user says about the columns; what is empty is found out."""

    texts: tuple[str, ...] = ()
    label: str | None = None


def choose_columns(names: Sequence[str], wanted: Wanted, where: str) -> Columns:
    """Which columns to read.

    Args:
        names: of all columns.
        wanted: what the user says.
        where: what to call the data in messages.

    Raises:
        LissomError: a column that the user names is not there, or none is known for texts.
    """
    for name in (*wanted.texts, *(() if wanted.label is None else (wanted.label,))):
        if name not in names:
            raise LissomError(f"{where} has no column {name!r}", hint=f"its columns are {_listed(names)}")
    known = {name.lower(): name for name in names}
    pair = next((pair for pair in TWO if all(name in known for name in pair)), None)
    one = next((name for name in ONE if name in known), None)
    texts = wanted.texts or tuple(known[name] for name in pair or ((one,) if one else ()))
    if not texts:
        raise LissomError(
            f"{where} has no column that is known for texts: its columns are {_listed(names)}",
            hint="name it with --text COLUMN, or two for pairs with --text FIRST,SECOND",
        )
    label = wanted.label or next((known[name] for name in LABELS if name in known), None)
    split = next((known[name] for name in SPLITS if name in known), None)
    return Columns(texts, label, split if split != label else None)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else "")


@dataclass(frozen=True)
class Table:
    """Rows of one source, by part where the source has parts, with the names of the label numbers if known.

    ``numbered`` says that label numbers are those of the model's outputs; else they are numbers of ``classes``.
    """

    name: str
    parts: Mapping[str, Sequence[Row]]
    classes: tuple[str, ...] = ()
    numbered: bool = True
    notes: tuple[str, ...] = ()


def find_in_table(table: Table, wanted: Wanted) -> Found[Texts]:
    """Texts and labels of a table.

    Labels that are whole numbers are numbers of the model's outputs, other numbers are values to be told, words
    are names of classes: sorted, where their order is not known. Rows without any text are left out, with a note.

    Raises:
        LissomError: no rows, no texts, or labels that are there for some rows only or are of no class.
    """
    rows = [row for part in table.parts.values() for row in part]
    if not rows:
        raise LissomError(f"{table.name} has no rows", hint="it needs a column of texts and one of labels")
    columns = choose_columns(list(rows[0]), wanted, table.name)
    parts = {name: list(part) for name, part in table.parts.items()}
    if columns.split is not None and list(parts) == ["all"]:
        parts = _by_split(table.name, parts["all"], columns.split)
    kept = {name: [row for row in part if _has_text(row, columns)] for name, part in parts.items()}
    empty = sum(map(len, parts.values())) - sum(map(len, kept.values()))
    rows = [row for part in kept.values() for row in part]
    if not rows:
        raise LissomError(f"{table.name} has only empty texts in {columns.texts[0]!r}")
    labels, classes, numbered = _labels(table, rows, columns.label)
    items = TextItems([tuple(str(row[name]).strip() for name in columns.texts) for row in rows])
    listings: dict[str, Listing[Texts]] = {}
    start = 0
    for name, part in kept.items():
        at = np.arange(start, start + len(part))
        listings[name] = Listing(items, at, None if labels is None else labels[at])
        start += len(part)
    notes = (f"{empty} rows without a text were left out",) if empty else ()
    return Found(table.name, listings, classes, numbered, notes=(*table.notes, *notes))


def _has_text(row: Row, columns: Columns) -> bool:
    return all(str(row.get(name) or "").strip() for name in columns.texts)


def _by_split(where: str, rows: Sequence[Row], column: str) -> dict[str, list[Row]]:
    parts: dict[str, list[Row]] = defaultdict(list)
    for number, row in enumerate(rows):
        word = str(row.get(column, "")).strip().lower()
        if word not in PARTS:
            raise LissomError(f"{where}, row {number + 1}: {word!r} is not a split", hint=f"known: {', '.join(PARTS)}")
        parts[PARTS[word]].append(row)
    return dict(parts)


def _labels(table: Table, rows: Sequence[Row], column: str | None) -> tuple[Any, tuple[str, ...], bool]:
    """Labels ``(rows,)``, names of classes, and whether the labels are numbers of the model's outputs."""
    if column is None:
        return None, (), False
    values = [row.get(column) for row in rows]
    words = ["" if value is None else str(value).strip() for value in values]
    missing = words.count("")
    if missing:
        raise LissomError(
            f"{missing} of {len(rows)} rows of {table.name} have no label in {column!r}, such as "
            f"{' '.join(map(str, list(rows[words.index('')].values())))[:60]!r}",
            hint="remove them, or name another column with --label",
        )
    numbers = numbers_in(words)
    if numbers is None:
        classes = table.classes or tuple(sorted(set(words)))
        order = {name: number for number, name in enumerate(classes)}
        if unknown := next((word for word in words if word not in order), None):
            raise LissomError(f"{table.name} has the label {unknown!r}, and its classes are {_listed(classes)}")
        return (
            np.asarray([order[word] for word in words], dtype=np.int64),
            classes,
            bool(table.classes) and table.numbered,
        )
    if np.array_equal(numbers, numbers.astype(np.int64)) and not any("." in word for word in words):
        known, least = len(table.classes), int(numbers.min())
        if not table.numbered and known and (least < 0 or numbers.max() >= known):
            wrong = least if least < 0 else int(numbers.max())
            raise LissomError(f"{table.name} has the label {wrong}, and its {known} classes count from 0")
        return numbers.astype(np.int64), table.classes, table.numbered
    return numbers, (), True


def numbers_in(words: Sequence[str]) -> Any:
    """Words as numbers ``(words,)``, or ``None`` where one is none."""
    try:
        numbers = np.asarray([float(word) for word in words])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None
