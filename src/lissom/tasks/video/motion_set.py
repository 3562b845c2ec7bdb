"""The known data set "motions": clips by how the camera moves over real films and photos, made on this machine.

Its sources are fetched, its clips drawn with a seed and kept in the cache. It is not a set of actions
(:mod:`lissom.tasks.video.motion`).
"""

import io
import os
import shutil
from pathlib import Path

from PIL import Image

from lissom.core.cache import cache_folder
from lissom.core.errors import LissomError
from lissom.core.files import writing
from lissom.core.progress import Progress
from lissom.tasks.listing import Found
from lissom.tasks.video.motion import LIST, MOTIONS, Source, frames_of, write_motion_set
from lissom.tasks.video.recordings import films, photos
from lissom.tasks.video.sources import find_in_csv

FOLDER = "motions-1"  # in the cache; the number is raised when other clips are made
EACH, SEED = 12, 0
EVERY = {"Megamind.avi": 34, "bigbuckbunny.mp4": 17, "bikes.mp4": 32, "tree.avi": 17, "vtest.avi": 200}  # frames


def find_motions(*, download: bool = False, progress: Progress | None = None) -> Found[Path]:
    """The data set: sources are divided into train, select and test by the hash of their name.

    Raises:
        LissomError: its sources are not on the disk and may not be, or could not be, fetched.
    """
    folder = cache_folder() / FOLDER
    if not (folder / LIST).is_file():
        _make(folder, download, progress or Progress(enabled=False))
    return find_in_csv(folder / LIST, "motions")


def motion_sources(*, download: bool, progress: Progress) -> list[Source]:
    """The pictures: some frames of each film, and the photos of each scene.

    Raises:
        LissomError: as :func:`find_motions`.
    """
    recorded = films(download=download, progress=progress)
    found = [Source(name, frame) for name in EVERY for frame in frames_of(io.BytesIO(recorded[name]), EVERY[name])]
    for scene, files in photos(download=download, progress=progress).items():
        for content in files:
            with Image.open(io.BytesIO(content)) as picture:
                found.append(Source(scene, picture.convert("RGB")))
    return found


def _make(folder: Path, download: bool, progress: Progress) -> None:
    """Write the clips beside their place and move them there when all are written."""
    try:
        sources = motion_sources(download=download, progress=progress)
    except LissomError as error:
        raise LissomError(
            f"the clips of {len(MOTIONS)} motions are not made yet: {error.message}", hint=error.hints
        ) from error
    making = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    with writing(folder):
        try:
            write_motion_set(sources, making, each=EACH, seed=SEED, progress=progress)
            os.replace(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
