"""Columns of rows that come with the numbers of their lines: a value under one of several names, and the splits."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.json_lines import Row
from lissom.tasks.listing import PARTS

SPLITS = ("split", "subset", "part")


def value_of(path: Path, number: int, row: Row, names: tuple[str, ...]) -> Any:
    """The value of a row under one of several names.

    Raises:
        LissomError: it has none.
    """
    found = next((row[name] for name in names if row.get(name) not in (None, "")), None)
    if found is None:
        raise LissomError(f"{path}, line {number} has no {names[0]}", hint=f"it may be called {', '.join(names)}")
    return found


def column(path: Path, rows: list[tuple[int, Row]], names: tuple[str, ...]) -> list[str] | None:
    """One value of every row as text; ``None`` where no row has it.

    Raises:
        LissomError: some rows have it and some have not.
    """
    if not any(row.get(name) not in (None, "") for _, row in rows for name in names):
        return None
    return [str(value_of(path, number, row, names)) for number, row in rows]


def by_part(path: Path, rows: list[tuple[int, Row]], names: tuple[str, ...] = SPLITS) -> dict[str, list[int]]:
    """The places of the rows of each part; all in ``"all"`` where no row names its split.

    Args:
        path: of the rows, for messages.
        rows: with the numbers of their lines.
        names: that the column may have.

    Raises:
        LissomError: a split has another name than the known ones, or some rows have none.
    """
    splits = column(path, rows, names)
    if splits is None:
        return {"all": list(range(len(rows)))}
    parts: dict[str, list[int]] = defaultdict(list)
    for place, ((number, _), split) in enumerate(zip(rows, splits, strict=True)):
        word = split.strip().lower()
        if word not in PARTS:
            raise LissomError(f"{path}, line {number}: a split {split!r}", hint=f"known: {', '.join(PARTS)}")
        parts[PARTS[word]].append(place)
    return dict(parts)
