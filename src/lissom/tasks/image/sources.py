"""From what the user gives as data to what it holds: a name, a folder, a zip, a CSV, a function, an object."""

from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.image.csv_files import find_in_csv
from lissom.tasks.image.datasets import DATASETS
from lissom.tasks.image.folders import find_in_folder, find_in_zip
from lissom.tasks.image.saved_pictures import find_in_saved
from lissom.tasks.image.tars import find_in_tars, shards_in
from lissom.tasks.image.user_data import find_in_object
from lissom.tasks.listing import Found
from lissom.tasks.saved import is_saved


def find(data: Any, *, download: bool = False, progress: Progress | None = None) -> Found:
    """List what a source of data holds, without decoding a picture.

    Args:
        data: the name of a known data set; a path to a folder or zip of class folders, to a CSV of files and labels,
            to a tar or a folder of tars as WebDataset writes them, or to a folder that ``datasets`` saved to disk;
            ``file.py:function``; or what such a function returns (see :func:`find_in_object`).
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, or it is damaged.
    """
    readers = Readers(DATASETS, find_in_object, _find_in_folder, _find_in_file)
    return find_with(data, readers, download=download, progress=progress)


def _find_in_folder(path: Path) -> Found:
    if is_saved(path):
        return find_in_saved(path)
    shards = shards_in(path)
    return find_in_tars(path, shards) if shards else find_in_folder(path)


def _find_in_file(path: Path) -> Found:
    if path.suffix.lower() == ".zip":
        return find_in_zip(path)
    if path.suffix.lower() == ".tar":
        return find_in_tars(path, [path])
    if path.suffix.lower() in (".csv", ".tsv"):
        return find_in_csv(path)
    raise LissomError(
        f"{path} is not data that can be read here",
        hint="give a folder or .zip of class folders, a .tar, a .csv of files and labels, or file.py:function",
    )
