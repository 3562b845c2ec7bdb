"""The parts of a data set that the user's own code gave, of any task."""

from collections.abc import Mapping
from typing import Any

from lissom.core.errors import LissomError
from lissom.tasks.listing import PARTS


def given_parts(data: Any, where: str, expected: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Sort what a user's function returned into parts.

    Args:
        data: ``(train, test)``, ``(train, select, test)``, or a mapping with the keys ``train``, ``select``
            (optional), ``test`` and ``classes`` (optional, names in the order of the model's outputs).
        where: what to call it in messages.
        expected: the hint that says what a part may be.

    Returns:
        What was given as ``"train"``, ``"select"`` and ``"test"``, and the names of the classes.

    Raises:
        LissomError: it is something else, or has a part twice.
    """
    if isinstance(data, Mapping):
        given: dict[str, Any] = {str(key): value for key, value in data.items()}
    elif isinstance(data, (tuple, list)) and len(data) in (2, 3):
        names = ["train", "test"] if len(data) == 2 else ["train", "select", "test"]
        given = dict(zip(names, data, strict=True))
    else:
        raise LissomError(f"{where} gave a {type(data).__name__}", hint=expected)
    classes = tuple(str(name) for name in given.pop("classes", ()))
    unknown = [key for key in given if key not in PARTS]
    if unknown:
        raise LissomError(f"{where} gave a part {unknown[0]!r}", hint=f"known: {', '.join(PARTS)}, classes")
    for part in PARTS.values():
        keys = [key for key in given if PARTS[key] == part]
        if len(keys) > 1:
            raise LissomError(f"{where} gave {part} twice: {keys[0]!r} and {keys[1]!r}", hint="give one of them")
    return {PARTS[key]: value for key, value in given.items()}, classes
