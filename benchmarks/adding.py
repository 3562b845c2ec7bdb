"""Results in a JSON file that several processes add to, one after the other, so that none writes over another's."""

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lissom.core.files import write_json


def known(path: Path) -> dict[str, Any]:
    """What is there so far; nothing where there is no file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


@contextmanager
def added(path: Path) -> Generator[dict[str, Any]]:
    """What is there so far, to be changed in place: it is written at the end, unless an error ends it.

    Other processes that add to a file of the same folder wait meanwhile, so what takes long is done before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)  # a file of its own to lock would lie among the results
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        found = known(path)
        yield found
        write_json(path, found)
    finally:
        os.close(folder)


def once(path: Path, name: str, part: str, key: str, make: Callable[[], dict[str, Any]]) -> None:
    """Make, add and print one row of a part of a subject; nothing where it is there."""
    if key in known(path).get(name, {}).get(part, {}):
        return
    made = make()
    with added(path) as results:
        results.setdefault(name, {}).setdefault(part, {})[key] = made
    print(name, part, key, made, flush=True)
