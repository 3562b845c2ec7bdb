"""Until when a run was at work: a kill in the middle of a long training leaves no record of that."""

import contextlib
import os
import threading
import time
from collections.abc import Generator
from pathlib import Path

_EVERY_S = 5.0


@contextlib.contextmanager
def beating(path: Path, every_s: float = _EVERY_S) -> Generator[None]:
    """Meanwhile the time is written to a file every few seconds, which :func:`last_beat` reads afterwards."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every_s):
            with contextlib.suppress(OSError):  # the folder may be gone: what is at work there will say so
                _write(path)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _write(path: Path) -> None:
    """In place: a kill leaves the time before, never an empty file."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(handle, f"{time.time():.3f}".encode("ascii"), 0)
    finally:
        os.close(handle)


def last_beat(path: Path) -> float:
    """The last time in a file, in seconds since the epoch; 0 where there is none."""
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0.0
