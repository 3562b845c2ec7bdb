"""Where fetched data is kept, and what was measured on this machine and need not be measured again."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.files import write_json

_DIGITS = 16


def cache_folder() -> Path:
    """``LISSOM_CACHE``, or ``lissom`` in the user's cache folder.

    Raises:
        LissomError: the user has no home, and neither it nor ``XDG_CACHE_HOME`` says where else.
    """
    if told := os.environ.get("LISSOM_CACHE"):
        return Path(told)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lissom"
    except RuntimeError as error:  # what pathlib makes of a user without a home
        raise LissomError(
            "there is no home folder, so none for what is fetched", hint="LISSOM_CACHE=FOLDER names one"
        ) from error


def remembered(what: str, circumstances: Mapping[str, Any], measure: Callable[[], Any]) -> Any:
    """A measurement that is made once for its circumstances, and read from then on.

    Args:
        what: its name, that of a folder in the cache.
        circumstances: all that it depends on, as plain values: model, target, threads, machine, versions.
        measure: makes it; what it gives must have a JSON form.

    Returns:
        What ``measure`` gave, now or earlier. A file that cannot be read is measured and written anew; a cache that
        cannot be written is done without.
    """
    told = json.dumps(circumstances, sort_keys=True)
    name = f"{hashlib.sha256(told.encode()).hexdigest()[:_DIGITS]}.json"
    with contextlib.suppress(LissomError, OSError, ValueError, KeyError, TypeError):
        kept = json.loads((cache_folder() / what / name).read_text(encoding="utf-8"))
        if kept["circumstances"] == json.loads(told):
            return kept["measured"]
    found = measure()
    with contextlib.suppress(LissomError, OSError):
        write_json(cache_folder() / what / name, {"circumstances": json.loads(told), "measured": found})
    return found
