"""The folder of a run: what is in it, who may write to it, and whether a run may go on there."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.files import check_temporary, check_writable, writing
from lissom.core.ledger import NAME, Ledger
from lissom.core.records import Settings, to_json
from lissom.engine.heartbeat import last_beat

LOCK = ".lock"
_NEED_BYTES = 200_000_000
_NEED_TEMPORARY_BYTES = 50_000_000
_CHANGED = 3
_REFUSED = "refused"  # the kind of the last record of a run that may not begin
_BEGINNING = ("settings", "start", "machine", "identity", "note", "baseline", "floor", "entrant", "race")
_OF_A_REFUSED = ("summary.json", "report.html", NAME)  # what says that it was refused goes last


class RunFolder:
    """``RUN/``: the ledger, ``work/`` with what the run goes on from, and ``bundle/``.

    ``lived_until`` is when an earlier start was last seen at work (see :mod:`lissom.engine.heartbeat`).

    Raises:
        LissomError: the folder holds something else, another run, or another process is at work in it.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings
        self.work = path / "work"
        self.bundle = path / "bundle"
        _refuse_foreign(path)
        check_writable(path, _NEED_BYTES)
        check_temporary(_NEED_TEMPORARY_BYTES)
        self.lived_until = last_beat(path / LOCK)
        self._lock = _lock(path)
        try:
            self.ledger = _ledger(path)
            self.resumed = self._same_settings(settings)
            _sweep(path)
        except BaseException:
            self.close()  # else the same program could not try again with the right settings
            raise

    def _same_settings(self, settings: Settings) -> bool:
        earlier = self.ledger.find("settings")
        if earlier is None:
            self.ledger.put(settings)
            return False
        changed = _differences(earlier, to_json(settings))
        if changed:
            raise LissomError(
                f"{self.path} holds a run with other settings: {'; '.join(changed[:_CHANGED])}",
                hint="choose another folder with -o, or give the same settings to go on",
            )
        return True

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return self.ledger.find("end") is not None

    @contextlib.contextmanager
    def beginning(self) -> Generator[None]:
        """What is refused before any work is done is in nobody's way: the next start in this folder begins anew."""
        try:
            yield
        except LissomError as error:
            if all(record.kind in _BEGINNING for record in self.ledger):
                with contextlib.suppress(LissomError):  # what was refused first is what a user has to know
                    self.ledger.append(_REFUSED, "", error.message)
            raise

    def close(self) -> None:
        """Let others write."""
        os.close(self._lock)


@contextlib.contextmanager
def claimed(path: Path) -> Generator[Ledger]:
    """The ledger of a folder whose run has no settings yet, or has; nobody else may write meanwhile.

    Raises:
        LissomError: the folder holds something else, or another process is at work in it.
    """
    _refuse_foreign(path)
    check_writable(path, _NEED_BYTES)
    lock = _lock(path)
    try:
        yield _ledger(path)
    finally:
        os.close(lock)


def _ledger(path: Path) -> Ledger:
    """The ledger of a folder, from which a run that was refused before its work began is removed."""
    ledger = Ledger(path)
    last = next(reversed(list(ledger)), None)
    if last is None or last.kind != _REFUSED:
        return ledger
    shutil.rmtree(path / "work", ignore_errors=True)
    for name in _OF_A_REFUSED:
        (path / name).unlink(missing_ok=True)
    return Ledger(path)


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise LissomError(f"{path} is a file", hint="choose a folder with -o")
    if path.is_dir() and not (path / NAME).exists():
        others = [item.name for item in path.iterdir() if item.name != LOCK]
        if others:
            raise LissomError(
                f"{path} is not empty and holds no run (it has {others[0]})", hint="choose another folder with -o"
            )


def _sweep(path: Path) -> None:
    """Remove files and folders that a kill left half-written, or did not come to remove."""
    for left in sorted([*path.rglob(".*.part"), *path.glob(".*.old")]):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _lock(path: Path) -> int:
    with writing(path / LOCK):
        handle = os.open(path / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise LissomError(
            f"another process is at work in {path}", hint="wait for it, or choose another folder"
        ) from error
    return handle


def _differences(earlier: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name in sorted({*earlier, *now}):
        before, after = earlier.get(name), now.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after)
        elif before != after:
            found.append(f"{name} was {before!r}, now {after!r}")
    return found
