import io
import struct
import zlib
from fractions import Fraction

import pytest

from lissom.core.errors import LissomError
from lissom.tasks.codec.handling import INTER, KEY, Chunk, Header, StreamReader, StreamWriter

HEADER = Header(33, 17, Fraction(1, 30000), 2, b"12345678")
CHUNKS = [Chunk(KEY, 0, b"first frame"), Chunk(INTER, 1001, b""), Chunk(INTER, 5005, b"third")]


def written() -> bytes:
    file = io.BytesIO()
    writer = StreamWriter(file, HEADER)
    for chunk in CHUNKS:
        writer.write(chunk)
    writer.end()
    return file.getvalue()


def read(content: bytes) -> tuple[list[Chunk], str | None]:
    reader = StreamReader(io.BytesIO(content))
    assert reader.header == HEADER
    return list(reader.chunks()), reader.problem


def test_a_whole_stream_is_read_without_a_problem() -> None:
    assert read(written()) == (CHUNKS, None)


def test_every_cut_is_noticed_and_whole_frames_before_it_are_read() -> None:
    content = written()
    start = len(content) - sum(len(chunk.content) + 17 for chunk in CHUNKS) - 17
    for length in range(start, len(content)):
        found, problem = read(content[:length])
        assert found == CHUNKS[: len(found)] and problem is not None
    for length in range(start):
        with pytest.raises(LissomError, match="header is cut off"):
            StreamReader(io.BytesIO(content[:length]))


def test_every_flipped_bit_is_noticed() -> None:
    content = written()
    for place in range(len(content) * 8):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        try:
            found, problem = read(bytes(damaged))
        except LissomError:
            continue
        assert found == CHUNKS[: len(found)] and problem is not None


@pytest.mark.parametrize(("width", "height"), [(0, 1), (9000, 16), (8000, 8000)])
def test_sizes_that_are_not_believed(width: int, height: int) -> None:
    content = struct.pack("<4sBBHHII8s", b"LSMC", 1, 0, width, height, 1, 25, b"12345678")
    with pytest.raises(LissomError, match="pixels are not coded"):
        StreamReader(io.BytesIO(content + struct.pack("<I", zlib.crc32(content))))


def test_what_is_no_stream_is_said() -> None:
    with pytest.raises(LissomError, match="no coded video"):
        StreamReader(io.BytesIO(b"RIFF" + bytes(100)))
