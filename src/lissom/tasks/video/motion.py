"""Clips made of real pictures and labelled by how the camera moves, so that one frame alone says nothing.

A window of a picture is followed along a path that is drawn anew for each clip. It is not a set of actions: what is
learnt from it is to tell motion. Every picture, or every film that pictures are from, is a source; sources are
divided, never windows of one.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from lissom.core.files import whole_file
from lissom.tasks.video.film import encode

MOTIONS = ("pan down", "pan left", "pan right", "pan up", "shake", "still", "zoom in", "zoom out")
FRAMES, RATE, SIDE = 16, 12, 80
# Of the window's width in the 1.25 s of a clip. A choice: slow enough that 64 pixels do not blur or alias it.
PAN = (0.12, 0.24)
NOISE = 2.0  # deviation of what a sensor adds, of 255
_DIRECTIONS = {"pan left": (-1, 0), "pan right": (1, 0), "pan up": (0, -1), "pan down": (0, 1)}
_SHARES = {"test": 20, "select": 10}  # percent of sources
Frames = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MotionClip:
    """Which clip of a set.

    Args:
        source: the picture, or the film or scene that it is one of: what is never divided.
        picture: its number among those of the source.
        motion: one of :data:`MOTIONS`.
        number: among the clips of the same picture and motion.
    """

    source: str
    picture: int
    motion: str
    number: int

    @property
    def name(self) -> str:
        """Its path in the folder of a set."""
        words = (self.motion, self.source, str(self.picture), str(self.number))
        motion, *others = ("".join(c if c.isalnum() else "-" for c in word) for word in words)
        return f"{part_of(self.source)}/{motion}/{'_'.join(others)}.mp4"


def part_of(source: str) -> str:
    """``"train"``, ``"select"`` or ``"test"``, by the hash of the source's name."""
    place = int(hashlib.sha256(source.encode()).hexdigest()[:8], 16) % 100
    if place < _SHARES["test"]:
        return "test"
    return "select" if place < _SHARES["test"] + _SHARES["select"] else "train"


def motion_path(size: tuple[int, int], motion: str, generator: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Where the window of a clip is: its sides ``(16,)`` and middles ``(16, 2)``, x and y, in pixels of the picture.

    A frame drawn at random from a clip has a window whose side and place are distributed alike for all motions: what
    one motion goes through in the course of a clip (a pan along its axis, a zoom, a shake) is in every other a
    constant, drawn from the moments of just such a course.

    Args:
        size: width and height of the picture.
        motion: one of :data:`MOTIONS`.
        generator: draws the path.
    """
    side = min(size) * generator.uniform(0.28, 0.42)
    time = np.linspace(-0.5, 0.5, FRAMES)
    pan, zoom, shake = np.zeros((FRAMES, 2)), np.zeros(FRAMES), np.zeros((FRAMES, 2))
    pan += generator.choice(time, 2) * side * generator.uniform(*PAN, 2) * generator.choice((-1, 1), 2)
    zoom += generator.choice(time) * generator.uniform(0.4, 0.7)
    shake += generator.uniform(-1, 1, 2) * side * generator.uniform(0.04, 0.1)
    if motion in _DIRECTIONS:
        along = np.asarray(_DIRECTIONS[motion])
        course = time[:, None] * along * side * generator.uniform(*PAN)
        pan = np.where(along != 0, course, pan)
    elif motion.startswith("zoom"):
        zoom = time * generator.uniform(0.4, 0.7) * (-1 if motion == "zoom in" else 1)
    elif motion == "shake":
        shake = generator.uniform(-1, 1, (FRAMES, 2)) * side * generator.uniform(0.04, 0.1)
    reach = side * (np.exp(0.35) / 2 + PAN[1] / 2 + 0.1)  # of any motion, so that the room is the same for all
    room = np.asarray(size) / 2 - reach
    middle = np.asarray(size) / 2 + generator.uniform(-1, 1, 2) * room
    return side * np.exp(zoom), middle + pan + shake


def motion_clip(
    picture: Image.Image,
    motion: str,
    generator: np.random.Generator,
    *,
    numbers: Sequence[int] = range(FRAMES),
    pixels: int = SIDE,
) -> Frames:
    """One clip, ``(numbers, pixels, pixels, 3)``, 0..255, along a :func:`motion_path`.

    Args:
        picture: in RGB.
        motion: one of :data:`MOTIONS`.
        generator: draws the path and the noise.
        numbers: which frames of the path.
        pixels: their height and width.
    """
    frames: list[Frames] = []
    sides, middles = motion_path(picture.size, motion, generator)
    for number in numbers:
        (x, y), half = middles[number].tolist(), float(sides[number] / 2)
        box = (x - half, y - half, x + half, y + half)
        cut = picture.resize((pixels, pixels), Image.Resampling.BILINEAR, box=box)
        noisy = np.asarray(cut, dtype=np.float32) + generator.normal(0, NOISE, (pixels, pixels, 3))
        frames.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return np.stack(frames)


def write_video(path: Path, frames: Frames, rate: int = RATE) -> None:
    """Write ``(frames, height, width, 3)`` as H.264 of which each frame stands by itself, all quantized alike, so that
    how well one is coded does not tell how much the others move."""
    with whole_file(path) as temporary:
        encode(temporary, frames, rate, {"qp": "22", "g": "1", "preset": "ultrafast"})


def write_clip(path: Path, picture: Image.Image, clip: MotionClip, seed: int) -> None:
    """Draw one clip of a picture and write it: the same one each time.

    Args:
        path: where to.
        picture: in RGB, at least 200 pixels high and wide.
        clip: which.
        seed: of all clips of the set.
    """
    drawn = int(hashlib.sha256(f"{seed} {clip}".encode()).hexdigest()[:16], 16)
    write_video(path, motion_clip(picture, clip.motion, np.random.default_rng(drawn)))


def frames_of(file: BinaryIO, numbers: Collection[int]) -> Iterator[Image.Image]:
    """The frames of a film with these numbers, in their order."""
    last = max(numbers)
    with av.open(file, "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in numbers:
                yield frame.to_image()
            if number == last:
                return
