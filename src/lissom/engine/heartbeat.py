"""Until when a run was at work: a kill in the middle of a long training leaves no record of that."""

import contextlib
import os
import threading
from collections.abc import Generator
from pathlib import Path

_EVERY_S = 5.0


@contextlib.contextmanager
def beating(path: Path, every_s: float = _EVERY_S) -> Generator[None]:
    """Meanwhile a file is touched every few seconds, which :func:`last_beat` reads afterwards."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every_s):
            with contextlib.suppress(OSError):  # the folder may be gone: what is at work there will say so
                os.utime(path)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def last_beat(path: Path) -> float:
    """When a file was last touched, in seconds since the epoch; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
