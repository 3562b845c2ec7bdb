"""Texts from the user's own code: sequences of ``(text, label)`` or ``((text, text), label)``."""

from collections.abc import Sequence
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.listing import Found
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.tables import Row, Table, Wanted, find_in_table
from lissom.tasks.user_data import given_parts
from lissom.tasks.whole_text import check_whole

EXPECTED = (
    "return (train, test), (train, select, test), or a dict of these; each a sequence of (text, label), of "
    "((text, text), label), or of texts alone"
)


def find_in_object(data: Any, where: str) -> Found[Texts]:
    """What the user's function returned.

    Args:
        data: ``(train, test)``, ``(train, select, test)``, or a mapping with the keys ``train``, ``select``
            (optional), ``test`` and ``classes`` (optional, names in the order of the model's outputs).
        where: what to call it in messages.

    Raises:
        LissomError: it is something else, or empty.
    """
    given, classes = given_parts(data, where, EXPECTED)
    parts = {name: [_row(item, where) for item in value] for name, value in given.items()}
    wanted = next((item for part in parts.values() for item in part), {})
    texts = tuple(name for name in wanted if name != "label")
    return find_in_table(Table(where, parts, classes), Wanted(texts, "label" if "label" in wanted else None))


def _row(item: Any, where: str) -> Row:
    row = _read(item, where)
    for name, value in row.items():
        if name != "label":
            check_whole(str(value), f"an example of {where}")
    return row


def _read(item: Any, where: str) -> Row:
    if isinstance(item, str):
        return {"text": item}
    if isinstance(item, Sequence) and len(item) == 2:
        texts, label = item
        if isinstance(texts, str):
            return {"text": texts, "label": label}
        if isinstance(texts, Sequence) and len(texts) == 2 and all(isinstance(text, str) for text in texts):
            return {"text1": texts[0], "text2": texts[1], "label": label}
    raise LissomError(f"{where} gave an example {str(item)[:60]!r}", hint=EXPECTED)
