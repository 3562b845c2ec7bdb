"""Windows of a few frames to learn from: cut from films, and from photos along paths of a camera.

A window holds its motion too, found between the frames as they are.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.codec.motion import BLOCK, search
from lissom.tasks.codec.pictures import Picture
from lissom.tasks.codec.video import Film
from lissom.tasks.damage import NO_PICTURE

SIDE, LENGTH = 128, 6
SMALLEST = 240  # pixels, of the shorter side of a photo
FILM_SHARE = 0.55
FILMS, PHOTOS = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".y4m"), (".jpg", ".jpeg", ".png")
HEIGHTS = (192, 272, 384, 544)  # that frames of films are scaled to, never up
MOST_FRAMES = 300  # of a film that are read
SHOWN = 20  # of windows of a film that are drawn, one that moves is taken, if there is one
Bytes = npt.NDArray[np.uint8]
Frames = list[Image.Image]


@dataclass(frozen=True)
class Windows:
    """Luma ``(windows, frames, 128, 128)``, chroma ``(windows, frames, 2, 64, 64)`` and ``(windows, frames - 1, 8, 8,
    2)`` vectors."""

    luma: Bytes
    chroma: Bytes
    vectors: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.luma)

    @property
    def length(self) -> int:
        """Frames of a window."""
        return self.luma.shape[1]

    def picture(self, row: int, time: int) -> Picture:
        """One frame of a window."""
        return Picture(self.luma[row, time], *self.chroma[row, time])

    def save(self, path: Path) -> None:
        """Write them to a file."""
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, luma=self.luma, chroma=self.chroma, vectors=self.vectors)

    @staticmethod
    def load(path: Path) -> "Windows":
        """The inverse of :meth:`save`."""
        with np.load(path, allow_pickle=False) as held:
            return Windows(held["luma"], held["chroma"], held["vectors"])


def make_windows(
    paths: Sequence[Path], count: int, *, length: int = LENGTH, seed: int = 0, progress: Progress | None = None
) -> Windows:
    """Draw windows from films and photos.

    Args:
        paths: of films, and of photos of at least 240 pixels; other files are passed over.
        count: of windows.
        length: frames of a window.
        seed: of what is drawn.
        progress: shows how far it is.

    Raises:
        LissomError: there is neither film nor photo, one cannot be read, or a film changes its size.
    """
    films = [path for path in paths if path.suffix.lower() in FILMS]
    photos = [path for path in paths if path.suffix.lower() in PHOTOS and _large(path)]
    if not films and not photos:
        raise LissomError(f"there is no film and no photo of at least {SMALLEST} pixels a side")
    generator = np.random.default_rng(seed)
    cut = round(count * FILM_SHARE) if films and photos else count * bool(films)
    made: list[Frames] = []
    bar = progress or Progress(False)
    for place, path in enumerate(bar.track(films[:cut], "cutting films", min(cut, len(films)))):
        frames = _read(path, length, bar)
        made += [_from_film(frames, length, generator) for _ in range(place, cut, len(films))]
    for place in bar.track(range(count - cut), "moving over photos", count - cut):
        made.append(_from_photos(photos[place % len(photos)], photos, length, generator))
    return _stacked([[_planes(frame) for frame in window] for window in made])


def _large(path: Path) -> bool:
    with _opened(path) as picture:
        return min(picture.size) >= SMALLEST


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as picture:
            yield picture
    except NO_PICTURE as error:
        raise LissomError(f"{path} is damaged: {error}", hint="mend it, or move it away") from error


def _read(path: Path, length: int, progress: Progress) -> Frames:
    frames: Frames = []
    film, size = Film(path), (0, 0)
    try:
        for _, frame in film.decoded():
            size = _same_size(size, (frame.width, frame.height), len(frames))
            smaller = min(1.0, HEIGHTS[-1] / frame.height)
            width, height = (round(side * smaller) for side in size)
            frames.append(frame.to_image(width=width, height=height, interpolation="AREA"))
            if len(frames) == MOST_FRAMES:
                break
    except LissomError as error:
        raise LissomError(f"{path}: {error.message}", hint=error.hints) from error
    if len(frames) < length or min(frames[0].size) < SIDE:
        told = f"{len(frames)} frames of {size[0]}x{size[1]} pixels"
        raise LissomError(f"{path} has {told}", hint=f"a window is {length} frames of {SIDE}x{SIDE}")
    if film.problem:
        progress.say(f"{path}: {film.problem}; its other frames are taken")
    return frames


def _same_size(size: tuple[int, int], found: tuple[int, int], count: int) -> tuple[int, int]:
    """The size of a frame, which is that of the ones before it. A codec codes no other film, and one that is brought to
    a size would teach it how scaling looks."""
    if count and found != size:
        told = f"from {size[0]}x{size[1]} to {found[0]}x{found[1]} pixels"
        raise LissomError(f"its frames change their size after {count}, {told}", hint="cut it there")
    return found


def _from_film(frames: Frames, length: int, generator: np.random.Generator) -> Frames:
    """Of several places the first at which something moves."""
    window: Frames = []
    across, down = frames[0].size
    heights = [height for height in HEIGHTS if height <= down and SIDE * down <= height * across] or [down]
    for _ in range(SHOWN):
        start = int(generator.integers(len(frames) - length + 1))
        scale = down / max(int(generator.choice(heights)), SIDE)
        left, top = (int(generator.integers(int(size - SIDE * scale) + 1)) for size in (across, down))
        box = (left, top, left + SIDE * scale, top + SIDE * scale)
        window = [
            frame.resize((SIDE, SIDE), Image.Resampling.BOX if scale > 1 else Image.Resampling.BICUBIC, box)
            for frame in frames[start : start + length]
        ]
        first, last = (np.asarray(window[place].convert("L"), dtype=np.float32) for place in (0, -1))
        if np.abs(first - last).mean() > 2:
            break
    return _mirrored(window, generator)


def _mirrored(window: Frames, generator: np.random.Generator) -> Frames:
    if generator.random() < 0.5:
        return [frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for frame in window]
    return window


def _from_photos(path: Path, others: Sequence[Path], length: int, generator: np.random.Generator) -> Frames:
    """A camera's way over a photo, with a part of another photo that moves on its own before it, half of the time."""
    behind = _camera(path, length, generator)
    if generator.random() < 0.5:
        return behind
    before = _camera(others[int(generator.integers(len(others)))], length, generator)
    middle, size = generator.uniform(0.25, 0.75, 2) * SIDE, generator.uniform(0.15, 0.4, 2) * SIDE
    speed = generator.uniform(-5, 5, 2)
    grid = np.moveaxis(np.indices((SIDE, SIDE)), 0, -1)
    window: Frames = []
    for time, (far, near) in enumerate(zip(behind, before, strict=True)):
        away = (((grid - middle - speed * time) / size) ** 2).sum(-1)
        mask = np.clip((1 - away) * 8, 0, 1)[..., None]
        mixed = np.asarray(far) * (1 - mask) + np.asarray(near) * mask
        window.append(Image.fromarray(np.rint(mixed).astype(np.uint8)))
    return window


def _camera(path: Path, length: int, generator: np.random.Generator) -> Frames:
    """A window that pans, turns and zooms a little."""
    with _opened(path) as opened:
        photo = opened.convert("RGB")
    scale = generator.uniform(1, max(1.0, min(photo.size) / (1.25 * SIDE)))
    middle = np.asarray(photo.size) / 2 + generator.uniform(-0.15, 0.15, 2) * photo.size
    speed = generator.normal(0, 2, 2) * (generator.random() < 0.8)
    turn, zoom = generator.normal(0, 0.006), generator.normal(0, 0.006)
    window: Frames = []
    for time in range(length):
        angle, size = turn * time, scale * (1 + zoom * time)
        a, b = size * np.cos(angle), size * np.sin(angle)
        x, y = middle + speed * time * scale
        data = (a, -b, x - (a - b) * SIDE / 2, b, a, y - (a + b) * SIDE / 2)
        window.append(photo.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC))
    return window


def _planes(frame: Image.Image) -> tuple[Bytes, Bytes]:
    planes = av.VideoFrame.from_image(frame).reformat(format="yuv420p").to_ndarray()
    return planes[:SIDE], planes[SIDE:].reshape(2, SIDE // 2, SIDE // 2)


def _stacked(windows: list[list[tuple[Bytes, Bytes]]]) -> Windows:
    luma = np.stack([[y for y, _ in window] for window in windows])
    chroma = np.stack([[uv for _, uv in window] for window in windows])
    blocks = SIDE // BLOCK
    vectors = np.zeros((len(windows), luma.shape[1] - 1, blocks, blocks, 2), np.int32)
    for row, time in np.ndindex(vectors.shape[:2]):
        vectors[row, time] = search(luma[row, time + 1], luma[row, time])
    return Windows(luma, chroma, vectors)
