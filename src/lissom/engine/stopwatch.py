"""Where the time of a run goes, by part."""

import contextlib
import itertools
import time
from collections.abc import Generator

from lissom.core.ledger import Ledger

ENDING_S = 70.0  # the last number format, the verdict and the bundle: 60 s for 10,000 pictures of 32x32 on two cores
_ENDING_SHARE = 0.2  # of a limit that is shorter


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
    """Seconds left for trials: what earlier starts left of a run's time limit, without what the end needs."""
    if limit_s is None:
        return None
    return max(0.0, limit_s - min(ENDING_S, _ENDING_SHARE * limit_s) - time_spent(ledger))


def time_spent(ledger: Ledger) -> float:
    """Seconds that the starts of a run took, each from its first record to its last, or until it was last seen at work.

    The latter is what the next start found, and wrote down. A race of targets before the first counts too.
    """
    records = list(ledger)
    starts = [number for number, record in enumerate(records) if record.kind == "start"]
    spent = float((ledger.find("race") or {}).get("seconds", 0.0))
    for first, following in itertools.pairwise([*starts, len(records)]):
        seen = records[following].value.get("lived_until", 0.0) if following < len(records) else 0.0
        spent += max(records[following - 1].at, seen) - records[first].at
    return spent
