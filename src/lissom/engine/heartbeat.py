"""Until when a run was at work: a kill in the middle of a long training leaves no record of that."""

import contextlib
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
                path.write_text(f"{time.time():.3f}", encoding="ascii")

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def last_beat(path: Path) -> float:
    """The last time in a file, in seconds since the epoch; 0 where there is none."""
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0.0
