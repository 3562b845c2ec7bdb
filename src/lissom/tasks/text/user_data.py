"""Texts from the user's own code: sequences of ``(text, label)`` or ``((text, text), label)``."""

from collections.abc import Mapping, Sequence
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.listing import PARTS, Found
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.tables import Row, Table, Wanted, find_in_table

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
    if isinstance(data, Mapping):
        given: dict[str, Any] = {str(key): value for key, value in data.items()}
    elif isinstance(data, (tuple, list)) and len(data) in (2, 3):
        names = ["train", "test"] if len(data) == 2 else ["train", "select", "test"]
        given = dict(zip(names, data, strict=True))
    else:
        raise LissomError(f"{where} gave a {type(data).__name__}", hint=EXPECTED)
    classes = tuple(str(name) for name in given.pop("classes", ()))
    unknown = [key for key in given if key not in PARTS]
    if unknown:
        raise LissomError(f"{where} gave a part {unknown[0]!r}", hint=f"known: {', '.join(PARTS)}, classes")
    parts = {PARTS[key]: [_row(item, where) for item in value] for key, value in given.items()}
    wanted = next((item for part in parts.values() for item in part), {})
    texts = tuple(name for name in wanted if name != "label")
    return find_in_table(Table(where, parts, classes), Wanted(texts, "label" if "label" in wanted else None))


def _row(item: Any, where: str) -> Row:
    if isinstance(item, str):
        return {"text": item}
    if isinstance(item, Sequence) and len(item) == 2:
        texts, label = item
        if isinstance(texts, str):
            return {"text": texts, "label": label}
        if isinstance(texts, Sequence) and len(texts) == 2 and all(isinstance(text, str) for text in texts):
            return {"text1": texts[0], "text2": texts[1], "label": label}
    raise LissomError(f"{where} gave an example {str(item)[:60]!r}", hint=EXPECTED)
