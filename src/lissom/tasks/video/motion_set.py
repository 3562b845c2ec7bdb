"""The known data set "motions": clips by how the camera moves over real films and photos, made on this machine.

Its sources are fetched; its clips are drawn with a seed when they are first read, and kept in the cache. It is not a
set of actions (:mod:`lissom.tasks.video.motion`).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from lissom.core.cache import cache_folder
from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import PARTS, Found, Listing
from lissom.tasks.video.handling import Frames, Viewing
from lissom.tasks.video.motion import FRAMES, MOTIONS, MotionClip, frames_of, motion_clip, part_of, write_clip
from lissom.tasks.video.recordings import SCENES, films, photos

PREPROCESSING = {"crop": (64, 64), "resize": 72, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
FOLDER = "motions-3"  # in the cache; the number is raised when other clips are made
EACH, SEED = 8, 0
# Frames of films. Those of carphone_pristine.mp4 are too small.
TAKEN = {
    "Megamind.avi": range(0, 270, 34),
    "bigbuckbunny.mp4": range(0, 132, 17),
    "bikes.mp4": range(0, 250, 32),
    "tree.avi": range(0, 68, 17),
    "vtest.avi": range(0, 795, 200),
}


@dataclass(frozen=True)
class MotionClips:
    """The clips as files that are made when they are first read.

    Args:
        clips: which.
        films: their files by name.
        photos: the files of each scene.
    """

    clips: Sequence[MotionClip]
    films: dict[str, bytes]
    photos: dict[str, list[bytes]]

    def __len__(self) -> int:
        return len(self.clips)

    def name(self, row: int) -> str:
        """What to call one clip, and where it is in the cache."""
        return self.clips[row].name

    def draw(self, row: int, viewing: Viewing, generator: np.random.Generator) -> Frames:
        """Another clip of the same motion over the same picture, which may be turned or mirrored: the set's own are
        few, and a network learns them by heart.

        Args:
            row: of the clip.
            viewing: how many frames of what size.
            generator: draws it.

        Returns:
            ``(frames, resize, resize, 3)``, 0..255.
        """
        clip, turn = self.clips[row], int(generator.integers(1 + len(Image.Transpose)))
        places = np.asarray(viewing.moments(generator.uniform(size=viewing.frames).tolist())) * FRAMES
        numbers = np.minimum(places.astype(int), FRAMES - 1).tolist()
        return motion_clip(self._turned(clip, turn), clip.motion, generator, numbers=numbers, pixels=viewing.resize)

    def _turned(self, clip: MotionClip, turn: int) -> Image.Image:
        """The picture of a clip in one of its eight positions; 0 is as it is."""
        key = (clip.source, clip.picture, turn)
        if key not in self._positions:
            picture = self.pictures[clip.source][clip.picture]
            self._positions[key] = picture.transpose(tuple(Image.Transpose)[turn - 1]) if turn else picture
        return self._positions[key]

    @cached_property
    def _positions(self) -> dict[tuple[str, int, int], Image.Image]:
        return {}

    def read(self, row: int) -> Path:
        """Where one clip is."""
        path = cache_folder() / FOLDER / self.name(row)
        if not path.is_file():
            clip = self.clips[row]
            write_clip(path, self.pictures[clip.source][clip.picture], clip, SEED)
        return path

    @cached_property
    def pictures(self) -> dict[str, list[Image.Image]]:
        """By source, in RGB."""
        found = {name: list(frames_of(io.BytesIO(self.films[name]), TAKEN[name])) for name in TAKEN}
        return {**found, **{scene: [_opened(file) for file in files] for scene, files in self.photos.items()}}


def find_motions(*, download: bool = False, progress: Progress | None = None) -> Found[Path]:
    """The data set: sources are divided into train, select and test by the hash of their name.

    Raises:
        LissomError: its sources are not on the disk and may not be, or could not be, fetched.
    """
    shown = progress or Progress(enabled=False)
    try:
        items = MotionClips(
            all_clips(), films(download=download, progress=shown), photos(download=download, progress=shown)
        )
    except LissomError as error:
        raise LissomError(f"the motions cannot be made: {error.message}", hint=error.hints) from error
    labels = np.asarray([MOTIONS.index(clip.motion) for clip in items.clips], dtype=np.int64)
    groups = np.asarray([clip.source for clip in items.clips])
    parts = np.asarray([part_of(clip.source) for clip in items.clips])
    listings = {
        part: Listing(items, rows, labels[rows], groups[rows])
        for part in dict.fromkeys(PARTS.values())
        if len(rows := np.flatnonzero(parts == part))
    }
    return Found("motions", listings, MOTIONS, preprocessing=PREPROCESSING, grouped_by="sources")


def all_clips() -> list[MotionClip]:
    """The clips of the set in order."""
    counts = {name: len(frames) for name, frames in TAKEN.items()} | {
        name: len(files) for name, files in SCENES.items()
    }
    return [
        MotionClip(source, picture, motion, number)
        for source, count in counts.items()
        for picture in range(count)
        for motion in MOTIONS
        for number in range(EACH)
    ]


def _opened(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as picture:
        return picture.convert("RGB")
