"""Frames written as H.264 in MP4, and small copies of videos that a page can show."""

import io
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av

from lissom.tasks.video.handling import Frames, opened, read_frames

SHOWN_SIDE, SHOWN_FRAMES, LONGEST_S = 112, 48, 8.0


def encode(file: Path | BinaryIO, frames: Frames, rate: Fraction | int, options: Mapping[str, str]) -> None:
    """Write ``(frames, height, width, 3)`` as H.264; an odd last row or column is left out.

    Args:
        file: where to.
        frames: in RGB, 0..255.
        rate: frames a second.
        options: of the encoder.
    """
    even = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    with av.open(str(file) if isinstance(file, Path) else file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options=dict(options))
        stream.height, stream.width, stream.pix_fmt = even.shape[1], even.shape[2], "yuv420p"
        for frame in even:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def small_film(path: Path) -> bytes:
    """A copy of a video with a shorter side of 112 pixels and 48 frames, as long as the video, but at most 8 s.

    Raises:
        LissomError: it cannot be read.
    """
    with opened(path) as container:
        seconds = float(container.duration or 0) / av.time_base
    moments = [(number + 0.5) / SHOWN_FRAMES for number in range(SHOWN_FRAMES)]
    frames = read_frames(path, moments, SHOWN_SIDE)
    rate = Fraction(SHOWN_FRAMES / min(max(seconds, 1.0), LONGEST_S)).limit_denominator(100)
    written = io.BytesIO()
    encode(written, frames, rate, {"crf": "26", "preset": "veryfast"})
    return written.getvalue()
