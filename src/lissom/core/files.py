"""Files written whole or not at all, hashes, and checks made before the first slow thing starts."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, MachineError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_WRITABLE = (
    errno.EACCES,
    errno.EROFS,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)


@contextlib.contextmanager
def whole_file(path: Path) -> Generator[Path]:
    """Give a temporary path beside ``path``; move it there on success, remove it on failure.

    What was written is on the disk before it has its name, so that a ledger may speak of it after a power cut too.

    Raises:
        MachineError: the folder cannot be written, or the disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _sync(temporary)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def bring_to_disk(folder: Path) -> None:
    """Bring a folder, all that is in it, and its own name to the disk, so that a ledger may speak of it.

    Raises:
        OSError: it could not be done, such as where the disk is full.
    """
    for item in (*folder.rglob("*"), folder, folder.parent):
        _sync(item)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)  # a folder cannot be opened otherwise
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def writing(path: Path) -> Generator[None]:
    """Turn a full disk or a missing permission into an error for people.

    Raises:
        MachineError: ``path`` could not be written, and why.
    """
    try:
        with filling(path):
            yield
    except OSError as error:
        if error.errno in _NOT_WRITABLE:
            raise MachineError(
                f"{path} cannot be written: {error.strerror}", hint="choose a folder that can be written"
            ) from error
        raise


@contextlib.contextmanager
def filling(path: Path) -> Generator[None]:
    """Turn a full disk alone into an error for people: where what fails otherwise has reasons of its own.

    Raises:
        MachineError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(path.parent if path.parent.exists() else Path.cwd()).free
        raise MachineError(
            f"the disk is full: {path} could not be written ({free / 1e6:.0f} MB free)",
            hint="free some space and run the same command again: finished work is kept",
        ) from error


def place_of(text: str | Path) -> Path:
    """A path as a user gives it, with ``~`` for the home folder.

    Raises:
        LissomError: there is no such home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # what pathlib makes of a user whom the system does not know
        raise LissomError(f"{text}: there is no such home folder", hint="write the whole path") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_temporary(need_bytes: int) -> None:
    """Check that the folder for temporary files has ``need_bytes`` free: what is exported passes through it.

    Raises:
        LissomError: it has not, or there is none.
    """
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise LissomError("no folder for temporary files can be written", hint="name one: TMPDIR=FOLDER") from error
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        raise LissomError(
            f"{folder}, the folder for temporary files, has {free / 1e6:.0f} MB free, about {need_bytes / 1e6:.0f} MB "
            "are needed",
            hint="free some space, or name another folder: TMPDIR=FOLDER",
        )


def check_writable(folder: Path, need_bytes: int = 0) -> None:
    """Check that ``folder`` can be made and written and has ``need_bytes`` free.

    Raises:
        LissomError: it cannot, or has not, or its name is no text.
    """
    try:
        str(folder.resolve()).encode()
    except UnicodeEncodeError as error:  # reports and weights could not name it
        raise LissomError(f"{str(folder)!a} has a name that is not UTF-8", hint="choose another folder") from error
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        raise LissomError(
            f"{folder} has {free / 1e6:.0f} MB free, this run needs about {need_bytes / 1e6:.0f} MB",
            hint="free some space, or choose a folder on another disk",
        )
