"""Frames of videos: the right ones, upright, whatever the rate, and bad files told in words."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av")

import av
from av.stream import Disposition

from lissom.core.errors import LissomError
from lissom.tasks.video import handling
from lissom.tasks.video.handling import Viewing, read_frames, stream_frames
from lissom.tasks.video.workers import Job, Workers


def write(
    path: Path, grey: Sequence[int], *, size: tuple[int, int] = (32, 48), at: Sequence[int] = (), title: str = ""
) -> Path:
    """Frames of one grey each, the upper left quarter white; ``at`` are their times in tenths of a second."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264", rate=10, options={"crf": "4", "g": "1", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
        stream.codec_context.time_base = Fraction(1, 10)
        for number, value in enumerate(grey):
            pixels = np.full((*size, 3), value, dtype=np.uint8)
            pixels[: size[0] // 2, : size[1] // 2] = 255
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at[number] if at else number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def greys(frames: np.ndarray) -> list[int]:
    return [round(float(frame[-4:, -4:].mean())) for frame in frames]


def test_a_frame_from_the_middle_of_each_part(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", [0, 20, 40, 60, 80, 100, 120, 140])
    found = read_frames(path, Viewing(4, (24, 24), 32).moments(), 32)
    assert found.shape == (4, 32, 48, 3)
    assert greys(found) == pytest.approx([20, 60, 100, 140], abs=3)
    early, late = Viewing(4, (24, 24), 32).clips(2)
    assert greys(read_frames(path, early, 32)) == pytest.approx([0, 40, 80, 120], abs=3)
    assert greys(read_frames(path, late, 32)) == pytest.approx([20, 60, 100, 140], abs=3)


def test_a_rate_that_varies_is_followed_in_time(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", [10, 50, 90, 130], at=[0, 1, 2, 12])
    assert greys(read_frames(path, [0.0, 0.1, 0.5, 0.99], 32)) == pytest.approx([10, 50, 90, 130], abs=3)


@pytest.mark.parametrize("size", [(33, 47), (50, 30)])
def test_odd_sizes_keep_their_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write(tmp_path / "x.mp4", [30, 60], size=size)
    found = read_frames(path, [0.2, 0.8], 24)
    assert min(found.shape[1:3]) == 24
    assert max(found.shape[1:3]) == pytest.approx(24 * max(size) / min(size), abs=1)


def test_one_frame_is_shown_at_all_moments(tmp_path: Path) -> None:
    found = read_frames(write(tmp_path / "x.mp4", [70]), Viewing(8, (24, 24), 32).moments(), 32)
    assert len(found) == 8 and greys(found) == pytest.approx([70] * 8, abs=3)


def test_a_phone_held_upright(tmp_path: Path) -> None:
    """The matrix of the track says: turn by a quarter, clockwise."""
    path = write(tmp_path / "x.mp4", [40, 40])
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    found = read_frames(path, [0.5], 32)[0]
    assert found.shape == (48, 32, 3)
    assert found[4, -4].mean() > 240 and found[4, 4].mean() < 60 and found[-4, -4].mean() < 60


def sound_alone(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_bad_files_are_told_in_words(tmp_path: Path) -> None:
    whole = write(tmp_path / "x.mp4", range(0, 200, 5)).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write(tmp_path / "x.avi", range(0, 200, 5))
    part = (tmp_path / "x.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(part[: len(part) * 3 // 4])
    (tmp_path / "none.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    sound_alone(tmp_path / "sound.mp4")
    said = {
        "cut.mp4": "it is not a video that can be read, or it is cut off",
        "cut.avi": "it is cut off or damaged: ",
        "none.mp4": "it is empty",
        "text.mp4": "it is not a video that can be read",
        "sound.mp4": "it holds sound alone, no video",
        "absent.mp4": "there is no such file",
    }
    workers = Workers(2)
    answers = workers.read([Job(tmp_path / name, (0.5,), 32) for name in [*said, "x.mp4"]])
    *wrong, right = answers
    workers.rest()
    for answer, words in zip(wrong, said.values(), strict=True):
        assert isinstance(answer, str) and answer.startswith(words)
    assert np.array_equal(right, read_frames(tmp_path / "x.mp4", (0.5,), 32))


@pytest.mark.parametrize("start", [8, 13])
def test_a_film_that_was_trimmed_without_coding_is_whole(tmp_path: Path, start: int) -> None:
    """An edit list hides frames that the file still has, and that the others are decoded from."""
    whole = tmp_path / "whole.mp4"
    with av.open(str(whole), "w") as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"crf": "4", "g": "12", "bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv444p"
        for value in range(0, 120, 5):
            pixels = np.full((32, 48, 3), value, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(str(whole)) as container, av.open(str(tmp_path / "x.mp4"), "w") as out:
        copy = out.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                hidden = round(start / 10 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - hidden, packet.dts - hidden, copy
                out.mux(packet)
    shown = list(range(5 * start, 120, 5))
    moments = [(number + 0.5) / len(shown) for number in range(len(shown))]
    assert greys(read_frames(tmp_path / "x.mp4", moments, 32)) == pytest.approx(shown, abs=3)
    assert len(list(stream_frames(tmp_path / "x.mp4", 32))) == len(shown)


def test_an_avi_with_gaps_is_whole(tmp_path: Path) -> None:
    """Its header counts the empty places too, in which the frame before is shown on."""
    path = tmp_path / "x.avi"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mjpeg", rate=10, options={"qscale": "1"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuvj420p"
        for number in range(10):
            pixels = np.full((32, 48, 3), 20 * number, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = 2 * number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert greys(read_frames(path, [0.01, 0.45, 0.99], 32)) == pytest.approx([0, 80, 180], abs=3)
    assert len(list(stream_frames(path, 32))) == 10


def test_a_last_frame_that_is_missing_is_stood_for_by_the_one_before(tmp_path: Path) -> None:
    path = write(tmp_path / "x.avi", range(0, 200, 5))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"idx1") - 40])
    assert greys(read_frames(path, [0.99], 32)) == pytest.approx([190], abs=3)
    with pytest.raises(LissomError, match="cut off or damaged after frame 39"):
        list(stream_frames(path, 32))


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.avi"])
def test_a_stream_says_at_its_end_what_is_missing(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, range(0, 200, 5))
    if name == "x.mp4":  # its table of frames first
        with (
            av.open(str(tmp_path / name)) as container,
            av.open(str(tmp_path / "first.mp4"), "w", options={"movflags": "faststart"}) as out,
        ):
            copy = out.add_stream_from_template(container.streams.video[0])
            for packet in container.demux(video=0):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)
        (tmp_path / "first.mp4").replace(tmp_path / name)
    assert len(list(stream_frames(tmp_path / name, 32))) == 40
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 3 // 4])
    seen: list[float] = []
    with pytest.raises(LissomError, match="cut off or damaged"):
        seen.extend(at for at, _ in stream_frames(tmp_path / name, 32))
    assert 10 < len(seen) < 40


def test_the_cover_of_a_song_is_no_video(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "song.mp3"), "w") as container:
        sound: Any = container.add_stream("mp3", rate=44100)
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame(64, 48, "yuvj420p")))
        container.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1152), np.float32), format="fltp", layout="stereo")
        silence.sample_rate = 44100
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
    with pytest.raises(LissomError, match="sound alone, no video"):
        read_frames(tmp_path / "song.mp3", [0.5], 32)
    with pytest.raises(LissomError, match="sound alone, no video"):
        list(stream_frames(tmp_path / "song.mp3", 32))


def test_frames_of_another_size_are_brought_to_that_of_the_first(tmp_path: Path) -> None:
    """Two recordings one after the other, as H.264 without a container allows it."""
    content = b""
    for value, size in ((40, (32, 48)), (90, (64, 40))):
        with av.open(str(tmp_path / "part.h264"), "w", format="h264") as container:
            stream: Any = container.add_stream("libx264", rate=10, options={"crf": "4", "bf": "0"})
            stream.height, stream.width, stream.pix_fmt = *size, "yuv444p"
            for _ in range(5):
                pixels = np.full((*size, 3), value, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
        content += (tmp_path / "part.h264").read_bytes()
    (tmp_path / "x.mp4").write_bytes(content)
    found = read_frames(tmp_path / "x.mp4", [0.1, 0.9], 24)
    assert found.shape == (2, 24, 36, 3) and greys(found) == pytest.approx([40, 90], abs=3)
    assert {frame.shape for _, frame in stream_frames(tmp_path / "x.mp4", 24)} == {(24, 36, 3)}


def test_a_file_is_opened_once_unless_it_is_too_large_to_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that follow from later ones and a file that is cut off: they are the same either way."""
    files = [tmp_path / "x.mp4", tmp_path / "cut.mpg"]
    for path, codec in zip(files, ("libx264", "mpeg1video"), strict=True):
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
            stream.codec_context.max_b_frames = 2
            for value in range(0, 240, 4):
                pixels = np.full((32, 48, 3), value, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(stream.encode(None))
    content = files[1].read_bytes()
    files[1].write_bytes(content[: len(content) * 19 // 20])
    opened: list[str] = []
    open_ = av.open
    monkeypatch.setattr(av, "open", lambda path, *more, **how: opened.append(path) or open_(path, *more, **how))
    for path in files:
        moments = Viewing(8, (24, 24), 32).moments()
        opened.clear()
        once = read_frames(path, moments, 32)
        assert opened == [str(path)] and len(set(greys(once))) == 8
        with monkeypatch.context() as patch:
            patch.setattr(handling, "HELD_BYTES", 0)
            assert np.array_equal(read_frames(path, moments, 32), once) and len(opened) == 3


def test_workers_import_nothing_from_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "x.mp4", [10, 50, 90])
    (tmp_path / "json.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    workers = Workers(1)
    (answer,) = workers.read([Job(tmp_path / "x.mp4", (0.5,), 32)])
    workers.rest()
    assert not isinstance(answer, str)


def test_all_frames_come_with_their_times(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", [10, 50, 90])
    times, frames = zip(*stream_frames(path, 32), strict=True)
    assert times == pytest.approx([0.0, 0.1, 0.2]) and greys(np.stack(frames)) == pytest.approx([10, 50, 90], abs=3)


def test_inputs_are_normalised_and_cropped_in_the_middle() -> None:
    viewing = Viewing(2, (2, 2), 4, (0.5, 0.5, 0.5), (0.5, 0.25, 1.0))
    frames = np.zeros((2, 4, 6, 3), dtype=np.uint8)
    frames[:, 1:3, 2:4] = 255
    found = viewing.normalise(viewing.cropped(frames))
    assert found.shape == (3, 2, 2, 2) and found.dtype == np.float32
    assert found[:, 0, 0, 0].tolist() == [1.0, 2.0, 0.5]
    assert Viewing.from_json(viewing.to_json()) == viewing


@pytest.mark.parametrize(
    ("values", "said"),
    [({"frames": 0}, "0 frames"), ({"resize": 200}, "shorter side of 200"), ({"std": (0, 1, 1)}, "not three numbers")],
)
def test_settings_that_are_not_possible(values: dict[str, int], said: str) -> None:
    with pytest.raises(LissomError, match=said):
        Viewing(**values)


def test_a_title_in_another_encoding(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mp4", [30, 60], title="Café")
    content = path.read_bytes()
    assert "Café".encode() in content
    path.write_bytes(content.replace("Café".encode(), b"Caf\xe9 "))
    assert greys(read_frames(path, [0.2, 0.8], 32)) == pytest.approx([30, 60], abs=3)
    assert len(list(stream_frames(path, 32))) == 2
