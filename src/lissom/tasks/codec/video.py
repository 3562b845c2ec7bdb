"""Videos in and out by PyAV: frames upright in 4:2:0 with their times, from any file to MP4 or Y4M."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import ColorRange

from lissom.core.errors import LissomError
from lissom.tasks.codec.pictures import Picture, Plane, halved
from lissom.tasks.containers import USUAL_RATE, announced, instead_of_pictures, pictures

ENDINGS = (".mp4", ".y4m")
LOSSLESS = {"crf": "0", "preset": "veryfast"}  # of the decoded pictures in an MP4
_TIMED = 25  # frames that the rate of a Y4M is found by
_RATES = tuple(Fraction(rate) for rate in (8, 10, 12, 15, 24, 25, 30, 48, 50, 60, 100, 120)) + tuple(
    Fraction(rate * 1000, 1001) for rate in (24, 30, 60, 120)
)
_LONGEST = 2**31 - 2  # ticks from a frame to the next in an MP4: FFmpeg writes one tick for more
_ROUNDED = Fraction(1, 200)  # of a rate, that times in milliseconds may hide


@dataclass(frozen=True)
class Shown:
    """A frame and when it is shown, in units of ``base`` seconds."""

    time: int
    base: Fraction
    picture: Picture


class Film:
    """The frames of a video that can be decoded, in order, upright, in 4:2:0.

    Args:
        path: of any file that FFmpeg reads.

    Attributes:
        problem: once they were read, what is missing of them or damaged, as far as the file tells; ``None``: nothing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problem: str | None = None

    def __iter__(self) -> Iterator[Shown]:
        """The frames.

        Raises:
            LissomError: as :meth:`decoded`.
        """
        last: int | None = None
        for time, frame in self.decoded():
            time = time if last is None else max(time, last + 1)  # players want times that rise
            last = time
            yield Shown(time, Fraction(frame.time_base or 1 / USUAL_RATE), upright(frame))

    def decoded(self) -> Iterator[tuple[int, Any]]:
        """The frames as PyAV has them, with their times in units of the stream's time base.

        Raises:
            LissomError: there is no such file, it is no video, or holds none.
        """
        self.problem = None
        count, end = 0, Fraction(0)
        with _opened(self._path) as container:
            stream = pictures(container)
            if stream is None:
                raise LissomError(instead_of_pictures(container))
            rate = stream.average_rate or USUAL_RATE
            try:
                for frame in container.decode(stream):
                    time = frame.pts if frame.pts is not None else round(count / rate / stream.time_base)
                    end = max(end, time * stream.time_base + max(_lasts(frame), 1 / rate))
                    if frame.is_corrupt:
                        self._found(f"frame {count + 1} is damaged")
                    yield time, frame
                    count += 1
            except av.error.FFmpegError as error:
                if not count:
                    raise LissomError("it is cut off or damaged: no frame can be decoded") from error
                self._found(f"it is damaged after frame {count}")
            if _is_cut(container, stream, self._path):
                self._found(f"it is cut off within frame {count + 1}")
            if announced(container, stream) > end + 1 / (2 * rate):
                self._found("it is cut off or damaged: it announces more frames than can be decoded")
        if not count:
            raise LissomError("it holds no frame that can be decoded")

    def _found(self, problem: str) -> None:
        self.problem = self.problem or problem


def _lasts(frame: Any) -> Fraction:
    return (frame.duration or 0) * Fraction(frame.time_base or 0)


def _is_cut(container: Any, stream: Any, path: Path) -> bool:
    """Whether a Y4M ends within a frame: all its frames are of one size, a line before each."""
    if container.format.name != "yuv4mpegpipe":
        return False
    parts = stream.codec_context.format.components
    frame = sum(part.width * part.height * -(-part.bits // 8) for part in parts)
    with path.open("rb") as file:
        head, line = file.readline(), file.readline()
    return (path.stat().st_size - len(head)) % (len(line) + frame) != 0


def upright(frame: Any) -> Picture:
    """A frame as it is meant to be seen, in levels of the limited range: phones write how they were held, and may use
    the full range, of which a decoded film would not tell."""
    made = frame.reformat(format="yuv420p", dst_color_range=ColorRange.MPEG)
    planes = [_plane(plane) for plane in made.planes]
    turns = round(frame.rotation / 90) % 4  # counter-clockwise
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
    return container


class Recorder:
    """Writes pictures to an MP4 (H.264 without loss, times kept, or from 0 on where they begin before it) or a Y4M
    (raw, one frame after the other at one rate, the usual one that is nearest to that of the first second or so).

    Args:
        path: ends in ``.mp4`` or ``.y4m``.
        size: height and width.
        base: what times are multiples of, in seconds.
    """

    def __init__(self, path: Path, size: tuple[int, int], base: Fraction) -> None:
        check_ending(path)
        self._raw = path.suffix.lower() == ".y4m"
        self.size, self._base = size, base
        self._even = tuple(side + side % 2 for side in size) if not self._raw else size
        self._container: Any = av.open(str(path), "w", format="yuv4mpegpipe" if self._raw else "mp4")
        self._stream: Any = None
        self._waiting: list[tuple[Picture, int]] = []
        self._written = 0
        self._later = 0  # by so much are times in the file: players pass over what is before 0
        self._last: int | None = None

    def write(self, picture: Picture, time: int) -> None:
        """Add a picture.

        Raises:
            LissomError: an MP4 cannot keep its time, so far is it from the one before.
        """
        self._waiting.append((picture, time))
        if self._stream is not None or not self._raw or len(self._waiting) == _TIMED:
            self._flush()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        if self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def _flush(self) -> None:
        if self._waiting and self._stream is None:
            self._begin()
        for picture, time in self._waiting:
            self._write(picture, time)
        self._waiting.clear()

    def _begin(self) -> None:
        if self._raw:
            self._base = 1 / _rate([time for _, time in self._waiting], self._base)
        name, options = ("wrapped_avframe", {}) if self._raw else ("libx264", LOSSLESS)
        self._stream = self._container.add_stream(name, options=options)
        self._stream.height, self._stream.width = self._even
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = self._base
        self._stream.codec_context.time_base = self._base
        self._stream.codec_context.color_range = ColorRange.MPEG
        if not self._raw:
            self._later = max(0, -self._waiting[0][1])
            self._container.start_encoding()  # from here on the stream has the time base that the file gets

    def _write(self, picture: Picture, time: int) -> None:
        if not self._raw:
            self._check_step(time)
        frame = av.VideoFrame(self._even[1], self._even[0], "yuv420p")
        sizes = (self._even, *[tuple(halved(side) for side in self._even)] * 2)
        for plane, values, (height, width) in zip(frame.planes, picture.planes, sizes, strict=True):
            filled = np.pad(values, ((0, height - values.shape[0]), (0, width - values.shape[1])), mode="edge")
            rows = np.zeros((height, plane.line_size), np.uint8)
            rows[:, :width] = filled
            plane.update(rows.tobytes())
        frame.pts, frame.time_base = self._written if self._raw else time + self._later, self._base
        self._written += 1
        self._container.mux(self._stream.encode(frame))

    def _check_step(self, time: int) -> None:
        step = Fraction(0) if self._last is None else (time - self._last) * self._base
        longest = _LONGEST * self._stream.time_base
        if step > longest:
            raise LissomError(
                f"frame {self._written + 1} is shown {float(step):,.1f} s after the one before it; from a frame to the "
                f"next an MP4 in units of {self._stream.time_base} s keeps {float(longest):,.1f} s at most",
                hint="write a name that ends in .y4m, which has no times",
            )
        self._last = time


def _rate(times: list[int], base: Fraction) -> Fraction:
    """Frames a second, of times that may be rounded to milliseconds; after a jump to far later, the usual rate."""
    lasted = (times[-1] - times[0]) * base
    if lasted <= 0:
        return USUAL_RATE
    found = (len(times) - 1) / lasted
    nearest = min(_RATES, key=lambda rate: abs(rate - found))
    return nearest if abs(nearest - found) <= found * _ROUNDED else found.limit_denominator(1001) or USUAL_RATE


def check_ending(path: Path) -> None:
    """Refuse a name that is that of no video which can be written.

    Raises:
        LissomError: naming the endings.
    """
    if path.suffix.lower() not in ENDINGS:
        raise LissomError(f"{path.name} is neither MP4 nor Y4M", hint=f"write a name that ends in {ENDINGS[0]}")
