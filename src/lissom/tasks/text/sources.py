"""From what the user gives as data to what it holds: a name, a file, a folder, a function, an object."""

from typing import Any

from lissom.core.progress import Progress
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.listing import Found
from lissom.tasks.text.datasets import DATASETS
from lissom.tasks.text.files import read_file, read_folder
from lissom.tasks.text.handling import Texts
from lissom.tasks.text.tables import Wanted, find_in_table
from lissom.tasks.text.user_data import find_in_object


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
    readers = Readers(
        DATASETS,
        find_in_object,
        lambda path: find_in_table(read_folder(path, wanted), wanted),
        lambda path: find_in_table(read_file(path, wanted), wanted),
    )
    return find_with(data, readers, download=download, progress=progress)
