"""Videos in and out by PyAV: frames upright in 4:2:0 with their times, from any file to MP4 or Y4M."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.codec.pictures import Picture, Plane, halved

ENDINGS = (".mp4", ".y4m")
LOSSLESS = {"crf": "0", "preset": "veryfast"}  # of the decoded pictures in an MP4
_USUAL_RATE = Fraction(25)


@dataclass(frozen=True)
class Shown:
    """A frame and when it is shown, in units of ``base`` seconds."""

    time: int
    base: Fraction
    picture: Picture


def shown(path: Path) -> Iterator[tuple[int, Any]]:
    """The frames of a video that can be decoded, in order, with their times in units of the stream's time base.

    Raises:
        LissomError: there is no such file, it is no video, or holds none.
    """
    count = 0
    with _opened(path) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or _USUAL_RATE
        try:
            for frame in container.decode(video=0):
                time = frame.pts if frame.pts is not None else round(count / rate / stream.time_base)
                yield time, frame
                count += 1
        except av.error.FFmpegError as error:
            if not count:
                raise LissomError("it is cut off or damaged: no frame can be decoded") from error
    if not count:
        raise LissomError("it holds no frame that can be decoded")


def frames(path: Path) -> Iterator[Shown]:
    """The same upright, as pictures in 4:2:0.

    Raises:
        LissomError: as :func:`shown`.
    """
    last: int | None = None
    for time, frame in shown(path):
        time = time if last is None else max(time, last + 1)  # players want times that rise
        last = time
        yield Shown(time, Fraction(frame.time_base or 1 / _USUAL_RATE), upright(frame))


def whole(path: Path, count: int) -> bool:
    """Whether a file announces no more frames than were decoded."""
    with _opened(path) as container:
        return count >= container.streams.video[0].frames


def upright(frame: Any) -> Picture:
    """A frame as it is meant to be seen: phones write how they were held."""
    made = frame.reformat(format="yuv420p")
    planes = [_plane(plane) for plane in made.planes]
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counter-clockwise
    return Picture(*(np.ascontiguousarray(np.rot90(plane, turns)) for plane in planes))


def _plane(plane: Any) -> Plane:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


def _opened(path: Path) -> Any:
    try:
        if not path.is_file():
            raise LissomError("there is no such file")
        if not path.stat().st_size:
            raise LissomError("it is empty")
        container = av.open(str(path), metadata_errors="replace")  # titles are in any encoding
    except (av.error.FFmpegError, OSError) as error:
        raise LissomError("it is not a video that can be read, or it is cut off") from error
    if not container.streams.video:
        only = "it holds sound alone, no video" if container.streams.audio else "it holds no video"
        container.close()
        raise LissomError(only)
    return container


class Recorder:
    """Writes pictures to an MP4 (H.264 without loss, times kept) or a Y4M (raw, which knows no times).

    Args:
        path: ends in ``.mp4`` or ``.y4m``.
        size: height and width.
        base: what times are multiples of, in seconds.
    """

    def __init__(self, path: Path, size: tuple[int, int], base: Fraction) -> None:
        if path.suffix.lower() not in ENDINGS:
            raise LissomError(f"{path.name} is neither MP4 nor Y4M", hint=f"write a name that ends in {ENDINGS[0]}")
        self._raw = path.suffix.lower() == ".y4m"
        self.size, self._base = size, base
        self._even = tuple(side + side % 2 for side in size) if not self._raw else size
        container: Any = av.open(str(path), "w", format="yuv4mpegpipe" if self._raw else "mp4")
        self._container = container
        name, options = ("wrapped_avframe", {}) if self._raw else ("libx264", LOSSLESS)
        self._stream = container.add_stream(name, options=options)
        self._stream.height, self._stream.width = self._even
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = base
        self._stream.codec_context.time_base = base

    def write(self, picture: Picture, time: int) -> None:
        """Add a picture."""
        frame = av.VideoFrame(self._even[1], self._even[0], "yuv420p")
        sizes = (self._even, *[tuple(halved(side) for side in self._even)] * 2)
        for plane, values, (height, width) in zip(frame.planes, picture.planes, sizes, strict=True):
            filled = np.pad(values, ((0, height - values.shape[0]), (0, width - values.shape[1])), mode="edge")
            rows = np.zeros((height, plane.line_size), np.uint8)
            rows[:, :width] = filled
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = time, self._base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
