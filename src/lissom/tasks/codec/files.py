"""Whole videos to streams and back."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.codec.coding import QUALITIES, Coder
from lissom.tasks.codec.handling import INTER, KEY, Chunk, Header, StreamReader, StreamWriter
from lissom.tasks.codec.pictures import Picture, cropped, padded
from lissom.tasks.codec.video import Film, Recorder, Shown, check_ending

ENDING = ".lsmc"
KEYS = 48  # frames from a key frame to the next at most


@dataclass(frozen=True)
class Encoded:
    """What a video became: frames, bytes, key frames among them, PSNR in dB (planes as 6 to 1 to 1, mean of frames),
    and what was missing of it or damaged."""

    frames: int
    size_bytes: int
    keys: int
    psnr: float
    problem: str | None


@dataclass(frozen=True)
class Decoded:
    """What a stream became: frames, and why there are no more, where it is damaged."""

    frames: int
    problem: str | None


def psnr(picture: Picture, decoded: Picture) -> float:
    """Of the mean squared error of the planes, luma to chroma as 6 to 1 to 1, in dB; at most 100."""
    errors = [np.square(a.astype(np.float64) - b).mean() for a, b in zip(picture.planes, decoded.planes, strict=True)]
    return float(10 * np.log10(255**2 / max((6 * errors[0] + errors[1] + errors[2]) / 8, 255**2 * 1e-10)))


def _quietly(count: int) -> None:
    pass


def encode_file(
    coder: Coder, source: Path, target: Path, quality: int, *, keys: int = KEYS, tell: Callable[[int], None] = _quietly
) -> Encoded:
    """Code a video, which stands there whole or not at all.

    Args:
        coder: with an encoder.
        source: any video that FFmpeg reads; frames keep their times, and are upright.
        target: the stream.
        quality: 0 to 4.
        keys: a key frame at least every so many frames; a stream can be entered at each.
        tell: is told how many frames are coded.

    Raises:
        LissomError: the video cannot be read, or changes its size.
    """
    if not 0 <= quality < QUALITIES:
        raise LissomError(f"there is no quality {quality}", hint=f"0 to {QUALITIES - 1}, the last is the best")
    if target.suffix.lower() != ENDING:
        raise LissomError(f"{target.name} is no name of a coded video", hint=f"write a name that ends in {ENDING}")
    if keys < 1:
        raise LissomError(f"a key frame every {keys} frames is not possible", hint="give at least 1")
    count = found = 0
    last = 0
    qualities: list[float] = []
    reference: Picture | None = None
    film = Film(source)
    with _made_whole(target) as temporary, temporary.open("wb") as file:
        writer: StreamWriter | None = None
        size = (0, 0)
        for shown in film:
            if writer is None:
                size = _size(shown)
                name = coder.prior.name
                writer = StreamWriter(file, Header(size[1], size[0], shown.base, quality, name))
            if _size(shown) != size:
                raise LissomError(f"its frames change their size after {count}", hint="cut it there")
            coded = coder.encode(padded(shown.picture), None if count - last >= keys else reference, quality)
            if coded.key:
                found, last = found + 1, count
            writer.write(Chunk(KEY if coded.key else INTER, shown.time, coded.content))
            reference = coded.picture
            qualities.append(psnr(shown.picture, cropped(coded.picture, *size)))
            count += 1
            tell(count)
        assert writer is not None, "a video without a frame is refused before"
        writer.end()
    return Encoded(count, target.stat().st_size, found, float(np.mean(qualities)), film.problem)


def _size(shown: Shown) -> tuple[int, int]:
    return shown.picture.y.shape[0], shown.picture.y.shape[1]


def decoded_frames(coder: Coder, stream: StreamReader) -> Generator[tuple[int, Picture]]:
    """The pictures of a stream and their times, as long as chunks are whole; then ``stream.problem`` says why.

    Raises:
        LissomError: it is of another model.
    """
    header = stream.header
    if header.model != coder.prior.name:
        raise LissomError(
            f"it was written with another model ({header.model.hex()}, this is {coder.prior.name.hex()})",
            hint="decode it with the bundle that wrote it",
        )
    if header.quality >= QUALITIES:
        raise LissomError("its header is damaged")
    reference: Picture | None = None
    size = (header.height, header.width)
    for count, chunk in enumerate(stream.chunks()):
        if chunk.kind == INTER and reference is None:
            raise LissomError("it does not begin with a key frame")
        try:
            before = None if chunk.kind == KEY else reference
            reference = coder.decode(chunk.content, size, before, header.quality)
        except LissomError as error:
            stream.problem = f"after frame {count}: {error.message}"
            return
        yield chunk.time, cropped(reference, *size)


def decode_file(coder: Coder, source: Path, target: Path, *, tell: Callable[[int], None] = _quietly) -> Decoded:
    """Decode a stream up to its last whole frame.

    Args:
        coder: an encoder is not needed.
        source: the stream.
        target: ``.mp4`` (H.264 without loss, with the times of the frames) or ``.y4m`` (raw).
        tell: is told how many frames are decoded.

    Raises:
        LissomError: it is no stream, of another model, or not one frame is whole.
    """
    check_ending(target)
    try:
        file = source.open("rb")
    except OSError as error:
        raise LissomError("there is no such file that can be read") from error
    with file, _made_whole(target) as temporary:
        stream = StreamReader(file)
        size = (stream.header.height, stream.header.width)
        recorder: Recorder | None = None
        count = 0
        for time, picture in decoded_frames(coder, stream):
            recorder = recorder or Recorder(temporary, size, stream.header.base)
            recorder.write(picture, time)
            count += 1
            tell(count)
        if recorder is None:
            raise LissomError(f"no frame is whole: {stream.problem or 'it is empty'}")
        recorder.close()
    return Decoded(count, stream.problem)


@contextmanager
def _made_whole(target: Path) -> Generator[Path]:
    """A file beside the target that takes its place at the end, or is removed."""
    temporary = target.with_name(f".{os.getpid()}.{target.name}")
    try:
        yield temporary
        temporary.replace(target)
    except OSError as error:
        raise LissomError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
