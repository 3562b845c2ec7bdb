"""Python's garbage collector, put off."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Generator[None]:
    """Collect no garbage meanwhile, if any was: among the objects of torch a collection takes long, and
    whoever makes many objects that stay has several of them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
