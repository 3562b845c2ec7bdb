"""The file of a coded video: a header, a chunk for each frame, and an end, each with a checksum (CRC-32).

All numbers are little endian. ``LSMC``, version, quality, width, height, the time base as two numbers, 8 bytes that
name the model, checksum; then chunks of kind, time, length, content, checksum; the last is of kind 255 and holds the
number of frames.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

from lissom.core.errors import LissomError

MAGIC, VERSION = b"LSMC", 1
KEY, INTER, END = 0, 1, 255
SIDE, PIXELS = 8192, 1 << 24  # the largest pictures that are believed
_HEADER, _CHUNK, _SUM = struct.Struct("<4sBBHHII8s"), struct.Struct("<BqI"), struct.Struct("<I")
_LONGEST = 1 << 28


@dataclass(frozen=True)
class Header:
    """What all frames have in common.

    Args:
        width: in pixels.
        height: in pixels.
        base: what times are multiples of, in seconds.
        quality: 0 to 4.
        model: names the entropy model and the synthesis that are needed.
    """

    width: int
    height: int
    base: Fraction
    quality: int
    model: bytes

    def __post_init__(self) -> None:
        sizes = (self.width, self.height)
        if min(sizes) < 1 or max(sizes) > SIDE or self.width * self.height > PIXELS:
            told = f"pictures of {self.width}x{self.height} pixels are not coded"
            raise LissomError(told, hint=f"up to {SIDE} a side and {PIXELS:,} in all")
        if self.base <= 0:
            raise LissomError(f"a time base of {self.base} s is not possible")


@dataclass(frozen=True)
class Chunk:
    """A coded frame: when it is shown, in units of the time base, and its bits."""

    kind: int
    time: int
    content: bytes


class StreamWriter:
    """Writes a stream to an open file."""

    def __init__(self, file: IO[bytes], header: Header) -> None:
        self._file, self._count = file, 0
        base = (header.base.numerator, header.base.denominator)
        if max(base) >= 1 << 32:
            raise LissomError(f"a time base of {header.base} s cannot be kept")
        packed = _HEADER.pack(MAGIC, VERSION, header.quality, header.width, header.height, *base, header.model)
        self._summed(packed)

    def write(self, chunk: Chunk) -> None:
        """Add a frame."""
        self._summed(_CHUNK.pack(chunk.kind, chunk.time, len(chunk.content)) + chunk.content)
        self._count += 1

    def end(self) -> None:
        """Write that this is all."""
        self._summed(_CHUNK.pack(END, self._count, 0))

    def _summed(self, content: bytes) -> None:
        self._file.write(content + _SUM.pack(zlib.crc32(content)))


class StreamReader:
    """Reads a stream; ``problem`` says, after the last whole frame, why there are no more.

    Raises:
        LissomError: it does not begin as a stream does.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.problem: str | None = None
        content = self._whole(_HEADER.size)
        if content is None:
            raise LissomError("it is no coded video, or its header is cut off or damaged")
        magic, version, quality, width, height, numerator, denominator, model = _HEADER.unpack(content)
        if magic != MAGIC:
            raise LissomError("it is no coded video of lissom's")
        if version != VERSION:
            raise LissomError(f"it is of version {version}; this reads version {VERSION}")
        if not denominator:
            raise LissomError("its header is damaged")
        self.header = Header(width, height, Fraction(numerator, denominator), quality, model)

    def chunks(self) -> Iterator[Chunk]:
        """Whole frames, in order, up to the end or to the first that is damaged."""
        count = 0
        while True:
            start = self._file.read(_CHUNK.size)
            if len(start) < _CHUNK.size:
                self.problem = f"it is cut off after frame {count}"
                return
            kind, time, length = _CHUNK.unpack(start)
            content = self._whole(length, start) if length <= _LONGEST else None
            if content is None or kind not in (KEY, INTER, END):
                self.problem = f"it is damaged or cut off after frame {count}"
                return
            if kind == END:
                if time != count:
                    self.problem = f"{time} frames were written, {count} are there"
                elif self._file.read(1):
                    self.problem = f"after its end, frame {count}, more follows, which is not read"
                return
            yield Chunk(kind, time, content)
            count += 1

    def _whole(self, length: int, before: bytes = b"") -> bytes | None:
        """So many bytes, if their checksum and that of what was read before them is right."""
        content = self._file.read(length)
        summed = self._file.read(_SUM.size)
        if len(content) < length or len(summed) < _SUM.size:
            return None
        return content if _SUM.unpack(summed)[0] == zlib.crc32(before + content) else None
