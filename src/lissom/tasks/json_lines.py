"""JSON lines: a file of one object in each line, read with the numbers of its lines for messages."""

import json
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError

Row = dict[str, Any]


def parse_lines(path: Path, text: str, example: str) -> list[tuple[int, Row]]:
    """The objects of a text, each with the number of its line; blank lines are passed over.

    Args:
        path: where the text was read, for messages.
        text: the lines. A text that is one JSON array is read as well; numbers are then places in it.
        example: of a line, for the hint of what belongs there.

    Raises:
        LissomError: a line is no JSON, or no object.
    """
    if text.lstrip().startswith("["):
        items: list[Any] = _parsed(path, 1, text)
        return [(number, _object(path, number, item, example)) for number, item in enumerate(items, start=1)]
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    return [(number, _object(path, number, _parsed(path, number, line), example)) for number, line in lines]


def _parsed(path: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = number + error.lineno - 1
        raise LissomError(f"{path}, line {at}: {error.msg}", hint="one JSON object in each line") from error


def _object(path: Path, number: int, item: Any, example: str) -> Row:
    if not isinstance(item, dict):
        raise LissomError(f"{path}, line {number}: a {type(item).__name__}, not an object", hint=example)
    return item  # pyright: ignore[reportUnknownVariableType]
