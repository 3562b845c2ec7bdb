"""JSON lines: a file of one object in each line, read with the numbers of its lines for messages."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.whole_text import check_whole

Row = dict[str, Any]
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # as an escape has it, of a whole letter too


def parse_lines(path: Path, text: str, example: str, *, paths: Sequence[str] = ()) -> list[tuple[int, Row]]:
    """The objects of a text, each with the number of its line; blank lines are passed over.

    Args:
        path: where the text was read, for messages.
        text: the lines. A text that is one JSON array is read as well; numbers are then places in it.
        example: of a line, for the hint of what belongs there.
        paths: the names of values that are paths of files, which may be of any bytes.

    Raises:
        LissomError: a line is no JSON, or no object, or holds half of a letter.
    """
    if text.lstrip().startswith("["):
        items: list[Any] = _parsed(path, 1, text)
        rows = [(number, _object(path, number, item, example)) for number, item in enumerate(items, start=1)]
    else:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
        rows = [(number, _object(path, number, _parsed(path, number, line), example)) for number, line in lines]
    if _HALF.search(text):
        for number, row in rows:
            texts = {name: value for name, value in row.items() if name not in paths}
            check_whole(json.dumps(texts, ensure_ascii=False), f"{path}, line {number}")
    return rows


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
