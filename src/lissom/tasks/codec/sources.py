"""From what the user gives as data to the films and photos in it: a known name, or a folder."""

from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.class_folders import Kind, has_common_top, in_parts, names_in_folder, rows_by_part
from lissom.tasks.codec.datasets import DATASETS
from lissom.tasks.codec.windows import FILMS, PHOTOS
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.listing import Found, Listing
from lissom.tasks.video.sources import VideoFiles

FOOTAGE = Kind("film or photo", "films and photos", frozenset((*FILMS, *PHOTOS)))


def find(data: Any, *, download: bool = False, progress: Progress | None = None) -> Found[Path]:
    """List the films and photos of a source, without opening one.

    Args:
        data: the name of a known data set, or a folder of films and photos, with or without ``train``, ``val`` and
            ``test`` in it or in the one folder that it has; what lies beside these is left out.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, or nothing in it.
    """
    return find_with(data, Readers(DATASETS, _in_object, _in_folder, _in_file), download=download, progress=progress)


def _in_folder(path: Path) -> Found[Path]:
    names = names_in_folder(path, FOOTAGE)
    if not names:
        raise LissomError(f"{path} holds no video", hint=f"known endings: {' '.join((*FILMS, *PHOTOS))}")
    paths = [tuple(name.split("/")) for name in names]
    while not in_parts(paths) and has_common_top(paths, above=1):
        paths = [levels[1:] for levels in paths]
    parts, beside = rows_by_part(paths, FOOTAGE)
    held = VideoFiles(path, names)
    listings = {part: Listing(held, np.asarray(rows), None) for part, rows in parts.items()}
    return Found(path.name, listings, notes=beside)


def _in_file(path: Path) -> Found[Path]:
    raise LissomError(f"{path} is one file", hint="give a folder of films: whole films are learnt from or judged by")


def _in_object(data: Any, where: str) -> Found[Path]:
    if isinstance(data, (str, Path)):
        return find(data)
    raise LissomError(f"{where} gave a {type(data).__name__}", hint="return the path of a folder of films")
