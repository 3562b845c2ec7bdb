"""Where the time of a run goes, by part."""

import contextlib
import time
from collections.abc import Generator

from lissom.core.ledger import Ledger


class Stopwatch:
    """Adds up seconds by part; time inside no part is the engine's own."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.parts: dict[str, float] = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Generator[None]:
        """Count what happens inside under ``name``."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.monotonic() - start

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def summary(self) -> dict[str, float]:
        """Seconds by part, with the engine's own."""
        rounded = {name: round(seconds, 3) for name, seconds in self.parts.items()}
        return {**rounded, "engine": round(max(0.0, self.total - sum(self.parts.values())), 3)}


def time_left(ledger: Ledger, limit_s: float | None) -> float | None:
    """What earlier starts of a run left of its time limit."""
    return None if limit_s is None else max(0.0, limit_s - time_spent(ledger))


def time_spent(ledger: Ledger) -> float:
    """Seconds that the starts of a run took, each from its first record to its last."""
    records = list(ledger)
    starts = [number for number, record in enumerate(records) if record.kind == "start"]
    ends = [*(number - 1 for number in starts[1:]), len(records) - 1]
    return sum(records[last].at - records[first].at for first, last in zip(starts, ends, strict=False))
