"""From what the user gives as data to what it holds: a name, a file, a folder, a function, an object."""

from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import Found
from lissom.tasks.text.datasets import DATASETS
from lissom.tasks.text.files import read_file, read_folder
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.tables import Wanted, find_in_table
from lissom.tasks.text.user_data import find_in_object
from lissom.workload.user_code import call, is_user_code


def find(data: Any, wanted: Wanted, *, download: bool = False, progress: Progress | None = None) -> Found[Texts]:
    """Texts and labels of a source.

    Args:
        data: the name of a known data set; a CSV, TSV or JSON lines file; a folder with such files called train
            and test, or one that ``datasets`` saved; ``file.py:function``; or what such a function returns.
        wanted: which columns to read.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, or it is damaged.
    """
    if not isinstance(data, (str, Path)):
        return find_in_object(data, "data")
    text = str(data)
    if text in DATASETS:
        return DATASETS.get(text)(download=download, progress=progress or Progress(enabled=False))
    if is_user_code(text):
        return find_in_object(call(text), text)
    path = Path(text).expanduser()
    if path.is_dir():
        return find_in_table(read_folder(path, wanted), wanted)
    if path.is_file():
        return find_in_table(read_file(path, wanted), wanted)
    raise LissomError(
        f"there is no file or folder {text}",
        hint=f"it is looked for from {Path.cwd()}; data sets known by name: {', '.join(DATASETS)}",
    )
