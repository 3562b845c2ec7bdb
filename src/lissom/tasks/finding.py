"""From what the user gives as data to what it holds, for any task: a known name, a path, a function, an object."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from lissom.core.errors import LissomError
from lissom.core.files import place_of
from lissom.core.progress import Progress
from lissom.core.tables import Table
from lissom.tasks.listing import Found
from lissom.workload.user_code import call, is_user_code

Item = TypeVar("Item")


@dataclass(frozen=True)
class Readers(Generic[Item]):
    """How a task reads its kinds of sources.

    Args:
        datasets: known ones by name; a member takes ``download`` and ``progress``.
        in_object: takes what a user's function returns, and what to call it in messages.
        in_folder: takes a path.
        in_file: takes a path.
    """

    datasets: Table
    in_object: Callable[[Any, str], Found[Item]]
    in_folder: Callable[[Path], Found[Item]]
    in_file: Callable[[Path], Found[Item]]


def find(data: Any, readers: Readers[Item], *, download: bool = False, progress: Progress | None = None) -> Found[Item]:
    """List what a source of data holds.

    Args:
        data: the name of a known data set, a path, ``file.py:function``, or what such a function returns.
        readers: of the task.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, or it is damaged.
    """
    if not isinstance(data, (str, Path)):
        return readers.in_object(data, "data")
    text = str(data)
    if text in readers.datasets:
        return readers.datasets.get(text)(download=download, progress=progress or Progress(enabled=False))
    if is_user_code(text):
        return readers.in_object(call(text), text)
    path = place_of(text)
    if path.is_dir():
        return readers.in_folder(path)
    if path.is_file():
        return readers.in_file(path)
    raise _nothing(text, readers.datasets)


def _nothing(text: str, datasets: Table) -> LissomError:
    if list(datasets) and "/" not in text and "\\" not in text and "." not in text:
        try:
            datasets.check(text)
        except LissomError as error:
            return LissomError(
                error.message, hint=(*error.hints, f"nor is there a file or folder {text!r} in {Path.cwd()}")
            )
    known = f"; data sets known by name: {', '.join(datasets)}" if list(datasets) else ""
    return LissomError(f"there is no file or folder {text}", hint=f"it is looked for from {Path.cwd()}{known}")
