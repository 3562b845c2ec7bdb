"""Progress on standard error (a bar where a person is looking, silence where it is piped), and the time left."""

import contextlib
import sys
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


class Progress:
    """Bars for one activity at a time; does nothing unless ``enabled``.

    Args:
        enabled: show bars; by default when standard error is a terminal.
    """

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = sys.stderr.isatty() if enabled is None else enabled

    def track(self, items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
        """Iterate over ``items`` behind a bar that says ``what`` is being done and how long it will take."""
        if not self.enabled:
            yield from items
            return
        with self._bar() as bar:
            task = bar.add_task(what, total=total if total is not None else _length(items))
            for item in items:
                yield item
                bar.advance(task)

    @contextlib.contextmanager
    def waiting(self, what: str) -> Generator[None]:
        """Show that ``what`` is going on, with the time it has taken, where no total is known."""
        if not self.enabled:
            yield
            return
        with self._bar() as bar:
            bar.add_task(what, total=None)
            yield

    def say(self, text: str) -> None:
        """Print one line for a person who is watching; silent like the bars."""
        if self.enabled:
            print(text, file=sys.stderr)

    def _bar(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        return Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )


def _length(items: Iterable[Any]) -> int | None:
    try:
        return len(items)  # pyright: ignore[reportArgumentType]
    except TypeError:
        return None


class Deadline:
    """The time left of a run.

    Args:
        seconds: how long from now, or ``None`` for no limit.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; infinite without a limit, never below zero."""
        return float("inf") if self._end is None else max(0.0, self._end - time.monotonic())

    def passed(self) -> bool:
        """Whether the time is up."""
        return self.left() <= 0
