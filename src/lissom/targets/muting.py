"""Converters that write to the error stream below Python: silenced while they are at work."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def muted_process() -> Generator[None]:
    """Silence what compiled libraries, and processes that are started meanwhile, write to the error stream."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
