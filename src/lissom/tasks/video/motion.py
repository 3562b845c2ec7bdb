"""Clips made of real pictures and labelled by how the camera moves, so that one frame alone says nothing.

A window of a picture is followed along a path that is drawn anew for each clip. It is not a set of actions: what is
learnt from it is to tell motion. Every picture, or every film that pictures are from, is a source; sources are
divided, never windows of one.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.progress import Progress

MOTIONS = ("pan down", "pan left", "pan right", "pan up", "shake", "still", "zoom in", "zoom out")
LIST = "clips.csv"
FRAMES, RATE, SIDE = 16, 12, 80
LEAST = 200  # pixels of a picture's shorter side: below it a window is a blur
NOISE = 2.0  # deviation of what a sensor adds, of 255
_DIRECTIONS = {"pan left": (-1, 0), "pan right": (1, 0), "pan up": (0, -1), "pan down": (0, 1)}
_SHARES = {"test": 20, "select": 10}  # percent of sources
Frames = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """A real picture.

    Args:
        name: of the picture, or of the film or scene that it is one of: what is never divided.
        picture: in RGB, at least 200 pixels high and wide.
    """

    name: str
    picture: Image.Image

    @property
    def part(self) -> str:
        """``"train"``, ``"select"`` or ``"test"``, by the hash of the name."""
        place = int(hashlib.sha256(self.name.encode()).hexdigest()[:8], 16) % 100
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
    pan += generator.choice(time, 2) * side * generator.uniform(0.35, 0.65, 2) * generator.choice((-1, 1), 2)
    zoom += generator.choice(time) * generator.uniform(0.4, 0.7)
    shake += generator.uniform(-1, 1, 2) * side * generator.uniform(0.04, 0.1)
    if motion in _DIRECTIONS:
        along = np.asarray(_DIRECTIONS[motion])
        course = time[:, None] * along * side * generator.uniform(0.35, 0.65)
        pan = np.where(along != 0, course, pan)
    elif motion.startswith("zoom"):
        zoom = time * generator.uniform(0.4, 0.7) * (-1 if motion == "zoom in" else 1)
    elif motion == "shake":
        shake = generator.uniform(-1, 1, (FRAMES, 2)) * side * generator.uniform(0.04, 0.1)
    reach = side * (np.exp(0.35) / 2 + 0.325 + 0.1)  # of any motion, so that the room is the same for all
    room = np.asarray(size) / 2 - reach
    middle = np.asarray(size) / 2 + generator.uniform(-1, 1, 2) * room
    return side * np.exp(zoom), middle + pan + shake


def motion_clip(picture: Image.Image, motion: str, generator: np.random.Generator) -> Frames:
    """One clip, ``(16, 80, 80, 3)``, 0..255, along a :func:`motion_path`.

    Args:
        picture: in RGB.
        motion: one of :data:`MOTIONS`.
        generator: draws the path and the noise.
    """
    frames: list[Frames] = []
    sides, middles = motion_path(picture.size, motion, generator)
    for (x, y), half in zip(middles.tolist(), (sides / 2).tolist(), strict=True):
        box = (x - half, y - half, x + half, y + half)
        cut = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        noisy = np.asarray(cut, dtype=np.float32) + generator.normal(0, NOISE, (SIDE, SIDE, 3))
        frames.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    return np.stack(frames)


def write_video(path: Path, frames: Frames, rate: int = RATE) -> None:
    """Write ``(frames, height, width, 3)`` as H.264 of which each frame stands by itself, all quantized alike, so that
    how well one is coded does not tell how much the others move."""
    with whole_file(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"qp": "22", "g": "1", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def frames_of(file: Path | BinaryIO, every: int) -> Iterator[Image.Image]:
    """Every ``every``-th frame of a film."""
    with av.open(str(file) if isinstance(file, Path) else file, "r") as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                yield frame.to_image()


def sources_in(folder: Path, *, every: int = 30) -> list[Source]:
    """Photos and films below a folder; of a film every ``every``-th frame.

    Raises:
        LissomError: there is none.
    """
    found: list[Source] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            with Image.open(path) as picture:
                found.append(Source(name, picture.convert("RGB")))
        elif path.suffix.lower() in (".mp4", ".avi"):
            found += [Source(name, frame) for frame in frames_of(path, every)]
    found = [source for source in found if min(source.picture.size) >= LEAST]
    if not found:
        raise LissomError(
            f"{folder} holds no photo or film of {LEAST} pixels or more",
            hint="known endings: .jpg .jpeg .png .mp4 .avi",
        )
    return found


def write_motion_set(
    sources: Sequence[Source], folder: Path, *, each: int = 1, seed: int = 0, progress: Progress | None = None
) -> dict[str, dict[str, int]]:
    """Write ``each`` clips of every motion from every source, and ``clips.csv`` that lists them with their part.

    Args:
        sources: real pictures.
        folder: gets ``PART/MOTION/NUMBER.mp4``.
        each: clips of a motion from a picture.
        seed: of all paths.
        progress: shows how far it is.

    Returns:
        By part: how many ``clips`` and ``sources`` there are.
    """
    rows: list[tuple[str, str, str, str]] = []
    for number, source in enumerate((progress or Progress(False)).track(sources, "making clips", len(sources))):
        for label, motion in enumerate(MOTIONS):
            for again in range(each):
                place = f"{source.part}/{motion.replace(' ', '-')}/{number:04d}-{again}.mp4"
                (folder / place).parent.mkdir(parents=True, exist_ok=True)
                generator = np.random.default_rng((seed, number, label, again))
                write_video(folder / place, motion_clip(source.picture, motion, generator))
                rows.append((place, motion, source.part, source.name))
    with whole_file(folder / LIST) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split", "group"))
        writer.writerows(rows)
    return {
        part: {"clips": sum(row[2] == part for row in rows), "sources": len({r[3] for r in rows if r[2] == part})}
        for part in ("train", "select", "test")
    }
