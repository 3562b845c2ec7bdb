"""What happens to a video before the model: PyAV and numpy only, so that it runs the same without torch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError

Frames = npt.NDArray[np.uint8]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
WHOLE_SHARE = 0.9  # of the frames that a file announces; with fewer it is cut off
HELD_BYTES = 64 * 1024**2  # of packets of a file, which is read once where they are no more


@dataclass(frozen=True)
class Viewing:
    """From a video of any size and length to the model's input ``(3, frames, height, width)``, float32.

    Args:
        frames: of a clip, one from each of as many parts of equal duration (segments; Wang et al. 2016, "Temporal
            Segment Networks", section 3.1).
        crop: height and width of the input, cut from the middle.
        resize: length that the shorter side is scaled to first, in pixels.
        mean: subtracted from each channel of frames scaled to 0..1.
        std: what each channel is divided by after that.
    """

    frames: int = 8
    crop: tuple[int, int] = (224, 224)
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= 256:
            raise LissomError(f"{self.frames} frames of a clip are not possible", hint="give 1 to 256")
        if min(self.crop) < 1 or self.resize < max(self.crop):
            raise LissomError(
                f"a crop of {self.crop[0]}x{self.crop[1]} pixels from a shorter side of {self.resize} is not possible",
                hint="give a --resize that is not below --size",
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0 or max(self.std) > 4:
            raise LissomError(f"mean {self.mean} and std {self.std} are not three numbers on the scale 0..1")

    def moments(self, within: Sequence[float] | None = None) -> list[float]:
        """When the frames of a clip are, as shares of the video's duration, ``(frames,)``.

        Args:
            within: where in its part each frame is, 0..1; the middle by default.
        """
        inside = [0.5] * self.frames if within is None else within
        return [(number + place) / self.frames for number, place in enumerate(inside)]

    def clips(self, count: int) -> list[list[float]]:
        """The moments of several clips of one video, each at another place in the parts."""
        return [self.moments([(number + 0.5) / count] * self.frames) for number in range(count)]

    def cropped(self, frames: Frames, top: int | None = None, left: int | None = None) -> Frames:
        """``(frames, height, width, 3)`` cut to the crop, from the middle by default."""
        height, width = self.crop
        above = (frames.shape[1] - height) // 2 if top is None else top
        before = (frames.shape[2] - width) // 2 if left is None else left
        return frames[:, above : above + height, before : before + width]

    def normalise(self, frames: Frames) -> npt.NDArray[np.float32]:
        """``(frames, height, width, 3)`` of 0..255 to the model's input ``(3, frames, height, width)``."""
        mean, std = (np.asarray(values, dtype=np.float32) for values in (self.mean, self.std))
        scaled = (frames.astype(np.float32) / np.float32(255) - mean) / std
        return np.ascontiguousarray(scaled.transpose(3, 0, 1, 2))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Viewing":
        """The inverse of :meth:`to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return Viewing(**values)


def read_frames(path: Path, moments: Sequence[float], resize: int) -> Frames:
    """The frames that are shown at some moments of a video, upright, ``(moments, height, width, 3)``, 0..255.

    Moments are of time, not of the count of frames, so that a frame rate that varies changes nothing. A video of one
    frame shows it at all moments.

    Args:
        path: of a file that FFmpeg reads.
        moments: shares of the duration, 0..1.
        resize: length of the shorter side, in pixels.

    Raises:
        LissomError: there is no such file, it is no video, or it is empty or cut off.
    """
    with opened(path) as container:
        times, announced, packets = _times(container)
        starts = np.asarray(times) - times[0]
        spacing = float(np.median(np.diff(starts))) if len(times) > 1 else 1.0
        asked = np.asarray(moments) * (starts[-1] + spacing)
        places = np.clip(np.searchsorted(starts, asked + 1e-6, side="right") - 1, 0, len(times) - 1)
        wanted, found, last = set(places.tolist()), dict[int, Frames](), -1
        for number, frame in enumerate(_of_packets(packets) if packets else _decoded_anew(path)):
            last = number
            if number in wanted:
                found[number] = scaled(frame, resize)
    if last < 0:
        raise LissomError("it holds no frame that can be decoded")
    if last + 1 < WHOLE_SHARE * max(announced, len(times)):
        raise LissomError(f"it is cut off or damaged: {last + 1} frames of {max(announced, len(times))} can be decoded")
    final = max(found) if found else last
    return np.stack([found[place] if place in found else found[final] for place in places.tolist()])


def stream_frames(path: Path, resize: int) -> Iterator[tuple[float, Frames]]:
    """All frames of a video as they come, each with its time in seconds, ``(height, width, 3)``, upright.

    Raises:
        LissomError: as :func:`read_frames`.
    """
    with opened(path) as container:
        for number, frame in enumerate(_decoded(container)):
            yield float(frame.time if frame.time is not None else number), scaled(frame, resize)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A container that has video.

    Raises:
        LissomError: there is no such file, it cannot be read, or has no video.
    """
    try:
        if not path.is_file():
            raise LissomError("there is no such file")
        if not path.stat().st_size:
            raise LissomError("it is empty")
        container = av.open(str(path), metadata_errors="replace")  # titles are in any encoding
    except (av.error.FFmpegError, OSError) as error:
        raise LissomError("it is not a video that can be read, or it is cut off") from error
    with container:
        if not container.streams.video:
            only = "it holds sound alone, no video" if container.streams.audio else "it holds no video"
            raise LissomError(only)
        yield container


def scaled(frame: Any, resize: int) -> Frames:
    """One frame, upright, with a shorter side of ``resize`` pixels, ``(height, width, 3)``."""
    short = min(frame.width, frame.height)
    width, height = (max(resize, round(side * resize / short)) for side in (frame.width, frame.height))
    pixels: Frames = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA").to_ndarray()
    turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counter-clockwise, as phones write it
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def squared(frames: Frames, side: int) -> Frames:
    """The middle square of ``(frames, height, width, 3)``, which the crop is cut from."""
    top, left = (frames.shape[1] - side) // 2, (frames.shape[2] - side) // 2
    return frames[:, top : top + side, left : left + side]


def _times(container: Any) -> tuple[list[float], int, list[Any]]:
    """When each frame is shown, in seconds, without decoding, how many frames the file announces, and its packets, so
    that it is read once; none where they are too large to be held."""
    stream = container.streams.video[0]
    times: list[float] = []
    packets: list[Any] = []
    size = 0
    try:
        for packet in container.demux(stream):
            size += packet.size
            if size <= HELD_BYTES:
                packets.append(packet)
            else:
                packets.clear()
            if packet.size:
                stamp = packet.pts if packet.pts is not None else packet.dts
                times.append(float(stamp * stream.time_base) if stamp is not None else float(len(times)))
    except av.error.FFmpegError as error:
        if not times:
            raise LissomError("it is cut off or damaged") from error
    if not times:
        raise LissomError("it holds no frame")
    return sorted(times), int(stream.frames), packets


def _of_packets(packets: Sequence[Any]) -> Iterator[Any]:
    """The frames in packets as long as they can be decoded; the last packet, an empty one, gives what is left."""
    try:
        for packet in packets:
            yield from packet.decode()
    except av.error.FFmpegError:
        return


def _decoded_anew(path: Path) -> Iterator[Any]:
    """The frames of a file that is opened for them."""
    with opened(path) as container:
        yield from _decoded(container)


def _decoded(container: Any) -> Iterator[Any]:
    """Frames as long as they can be decoded."""
    try:
        yield from container.decode(video=0)
    except av.error.FFmpegError:
        return
