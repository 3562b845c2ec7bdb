import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from av.stream import Disposition

from lissom.core.errors import LissomError
from lissom.tasks.codec.coding import Coder
from lissom.tasks.codec.files import decode_file, encode_file
from lissom.tasks.codec.pictures import Picture, halved
from lissom.tasks.codec.video import Film, Recorder
from lissom.testing.tiny_codec import tiny_codec, tiny_coder, tiny_film


def times(path: Path) -> list[Fraction]:
    return [frame.time * frame.base for frame in Film(path)]


def test_there_and_back_keeps_frames_sizes_and_uneven_times(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4", times=(0, 1, 5))
    told: list[int] = []
    found = encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 4, tell=told.append)
    assert (found.frames, found.keys, found.problem, told) == (3, 1, None, [1, 2, 3])
    assert found.size_bytes == (tmp_path / "film.lsmc").stat().st_size
    back = decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.mp4")
    assert (back.frames, back.problem) == (3, None)
    assert times(tmp_path / "back.mp4") == times(tmp_path / "film.mp4") == [0, Fraction(1, 25), Fraction(5, 25)]


def test_mp4_and_y4m_hold_the_same_pictures(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4")
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 4)
    held: list[list[Picture]] = []
    for name in ("back.mp4", "back.y4m"):
        decode_file(coder, tmp_path / "film.lsmc", tmp_path / name)
        held.append([frame.picture for frame in Film(tmp_path / name)])
    assert len(held[0]) == len(held[1]) == 3
    for first, second in zip(*held, strict=True):
        np.testing.assert_array_equal(first.y, second.y)
        np.testing.assert_array_equal(first.v, second.v)


def test_one_frame_of_an_odd_size(coder: Coder, tmp_path: Path) -> None:
    picture = Picture(*(np.full(size, 128, np.uint8) for size in ((33, 17), (17, 9), (17, 9))))
    recorder = Recorder(tmp_path / "film.y4m", (33, 17), Fraction(1, 25))
    recorder.write(picture, 0)
    recorder.close()
    assert encode_file(coder, tmp_path / "film.y4m", tmp_path / "film.lsmc", 0).frames == 1
    decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.y4m")
    assert [frame.picture.y.shape for frame in Film(tmp_path / "back.y4m")] == [(33, 17)]
    decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.mp4")  # which knows even sizes alone
    assert [frame.picture.y.shape for frame in Film(tmp_path / "back.mp4")] == [(34, 18)]


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_phone_that_was_held_otherwise(coder: Coder, tmp_path: Path, turned: int) -> None:
    """A phone writes the frames as its sensor lies, and how far they have to be turned into the header."""
    plain = tmp_path / "film.mp4"
    tiny_film(plain, size=(48, 64), times=(0,))
    with av.open(str(plain)) as container:
        before = next(container.decode(video=0)).reformat(format="yuv420p")
        luma = before.to_ndarray()[:48]
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    matrices = {
        90: struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30),
        180: struct.pack(">9i", -1 << 16, 0, 0, 0, -1 << 16, 0, 0, 0, 1 << 30),
        270: struct.pack(">9i", 0, -1 << 16, 0, 1 << 16, 0, 0, 0, 0, 1 << 30),
    }
    content = plain.read_bytes()
    track = content.index(b"tkhd")
    place = content.index(identity, track)
    plain.write_bytes(content[:place] + matrices[turned] + content[place + len(identity) :])
    shown = next(iter(Film(plain))).picture
    np.testing.assert_array_equal(shown.y, np.rot90(luma, -turned // 90))  # clockwise
    assert shown.u.shape == ((24, 32) if turned == 180 else (32, 24))


def moving_noise(folder: Path, name: str, *, pixels: str = "yuv420p", codec: str = "libx264", **options: Any) -> Path:
    """Twenty-four frames of noise that moves, at 12 a second; an MP4 has its table of frames first."""
    noise = np.random.default_rng(0).integers(0, 256, (48, 64), np.uint8)
    first = {"movflags": "faststart"} if name.endswith(".mp4") else {}
    with av.open(str(folder / name), "w", options=first) as container:
        stream: Any = container.add_stream(codec, rate=12, options=options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, pixels
        for number in range(24):
            planes = np.concatenate([np.roll(noise, number, 1), np.full((24, 64), 128, np.uint8)])
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 12)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return folder / name


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "libx264"), ("a.mkv", "mjpeg"), ("a.mp4", "libx264"), ("a.avi", "mjpeg")]
)
def test_what_is_missing_of_a_film_is_said(coder: Coder, tmp_path: Path, name: str, codec: str) -> None:
    """Each container announces in its own way how long it is."""
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    film = moving_noise(tmp_path, name, codec=codec, pixels=pixels, g="4")
    whole = Film(film)
    assert len(list(whole)) == 24 and whole.problem is None
    content = film.read_bytes()
    cut = film.with_stem("cut")
    cut.write_bytes(content[: len(content) * 2 // 3])
    found = encode_file(coder, cut, tmp_path / "cut.lsmc", 0)
    assert 0 < found.frames < 24 and found.problem is not None


def test_a_film_that_was_trimmed_without_coding_is_whole(tmp_path: Path) -> None:
    """An edit list hides frames that the file still has: nothing is missing."""
    film = moving_noise(tmp_path, "film.mp4", g="8")
    content = bytearray(film.read_bytes())
    edit = content.index(b"elst")
    scale = struct.unpack(">I", content[content.index(b"mvhd") + 16 :][:4])[0]
    ticks = struct.unpack(">I", content[content.index(b"mdhd") + 16 :][:4])[0]
    duration, start = struct.unpack(">Ii", content[edit + 12 : edit + 20])
    hidden = 8 / 12
    edited = struct.pack(">Ii", duration - round(hidden * scale), start + round(hidden * ticks))
    content[edit + 12 : edit + 20] = edited
    film.write_bytes(content)
    with av.open(str(film)) as container:
        assert container.streams.video[0].frames == 24
    trimmed = Film(film)
    assert len(list(trimmed)) == 16 and trimmed.problem is None


def test_the_full_range_of_levels_becomes_the_limited_one(tmp_path: Path) -> None:
    """Players take what has no tag for the limited range."""
    film = moving_noise(tmp_path, "film.mkv", codec="mjpeg", pixels="yuvj420p", qscale="1")
    levels = next(iter(Film(film))).picture.y
    assert 10 <= levels.min() <= 24 and 228 <= levels.max() <= 242


def test_y4m_has_the_rate_of_the_film(coder: Coder, tmp_path: Path) -> None:
    encode_file(coder, moving_noise(tmp_path, "film.mp4"), tmp_path / "film.lsmc", 0)
    decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.y4m")
    header = (tmp_path / "back.y4m").read_bytes().partition(b"\n")[0]
    assert b" F12:1 " in header
    assert len(list(Film(tmp_path / "back.y4m"))) == 24


@pytest.mark.parametrize(
    ("times", "base", "rate"),
    [
        ([round(1000 * number / 60) for number in range(40)], 1000, "F60:1"),
        ([round(1001 * number / 30) for number in range(40)], 1000, "F30000:1001"),
        ([40 * number for number in range(12)] + [480 + 20 * number for number in range(20)], 1000, None),
        ([0], 25, "F25:1"),
        ([0, 0, 0], 25, "F25:1"),
        ([0, 40, 10**13], 1000, "F25:1"),
    ],
    ids=["60 in milliseconds", "29.97 in milliseconds", "faster in the middle", "one", "of no length", "a jump"],
)
def test_y4m_takes_frames_at_any_times(tmp_path: Path, times: list[int], base: int, rate: str | None) -> None:
    recorder = Recorder(tmp_path / "film.y4m", (16, 16), Fraction(1, base))
    for time in times:
        recorder.write(Picture(*(np.full((side, side), 9, np.uint8) for side in (16, 8, 8))), time)
    recorder.close()
    header = (tmp_path / "film.y4m").read_bytes().partition(b"\n")[0].decode()
    assert rate is None or f" {rate} " in header
    assert len(list(Film(tmp_path / "film.y4m"))) == len(times)


def recorded(path: Path, times: list[int], base: Fraction) -> None:
    recorder = Recorder(path, (64, 64), base)
    for number, time in enumerate(times):
        recorder.write(Picture(*(np.full((side, side), 50 + number, np.uint8) for side in (64, 32, 32))), time)
    recorder.close()


def test_an_mp4_keeps_frames_that_are_shown_before_0(tmp_path: Path) -> None:
    recorded(tmp_path / "film.mp4", [-5, 0, 3], Fraction(1, 25))
    assert times(tmp_path / "film.mp4") == [0, Fraction(5, 25), Fraction(8, 25)]
    recorded(tmp_path / "film.mp4", [2, 3], Fraction(1, 25))
    assert times(tmp_path / "film.mp4") == [Fraction(2, 25), Fraction(3, 25)]


def test_a_step_that_an_mp4_cannot_keep_is_refused(tmp_path: Path) -> None:
    base, longest = Fraction(1, 90000), 2**31 - 2
    recorded(tmp_path / "film.mp4", [0, longest, longest + 3000], base)
    assert times(tmp_path / "film.mp4") == [0, longest * base, (longest + 3000) * base]
    with pytest.raises(LissomError, match=r"frame 2 is shown 23,860\.9 s after the one before it"):
        recorded(tmp_path / "film.mp4", [0, longest + 1], base)
    with pytest.raises(LissomError, match="frame 3 is shown"):  # in units that the file has, not the pictures
        recorded(tmp_path / "film.mp4", [0, 40, 2**28], Fraction(1, 1000))


def test_an_avi_with_gaps_is_whole(tmp_path: Path) -> None:
    """Its header counts the empty places too, in which the frame before is shown on."""
    with av.open(str(tmp_path / "film.avi"), "w") as container:
        stream: Any = container.add_stream("mjpeg", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
        for time in (0, 1, 5, 6, 10):
            frame = av.VideoFrame(64, 48, "yuvj420p")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    film = Film(tmp_path / "film.avi")
    assert len(list(film)) == 5 and film.problem is None


def test_a_tag_that_is_no_time_is_not_believed(tmp_path: Path) -> None:
    film = moving_noise(tmp_path, "film.mkv")
    content = film.read_bytes()
    assert content.count(b"00:00:02.000000000") == 1
    film.write_bytes(content.replace(b"00:00:02.000000000", b"1e9:0/0:about twoh"))
    strange = Film(film)
    assert len(list(strange)) == 24 and strange.problem is None


def test_damage_in_the_middle_is_said(tmp_path: Path) -> None:
    film = moving_noise(tmp_path, "film.mkv", g="4")
    content, found = film.read_bytes(), list[str | None]()
    for part in range(3, 8):
        damaged, place = bytearray(content), len(content) * part // 10
        damaged[place : place + 300] = bytes(300)
        film.write_bytes(damaged)
        holed = Film(film)
        assert len(list(holed)) > 12
        found.append(holed.problem)
    assert any(problem is not None and "is damaged" in problem for problem in found), found


def test_the_cover_of_a_song_is_no_film(coder: Coder, tmp_path: Path) -> None:
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
    with pytest.raises(LissomError, match="sound alone"):
        encode_file(coder, tmp_path / "song.mp3", tmp_path / "out.lsmc", 0)


def test_damaged_streams_give_the_frames_before_the_damage(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4")
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 4)
    content = bytearray((tmp_path / "film.lsmc").read_bytes())
    content[-30] ^= 4  # in the last frame
    (tmp_path / "film.lsmc").write_bytes(content)
    found = decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.mp4")
    assert found.frames == 2 and found.problem is not None and "after frame 2" in found.problem
    (tmp_path / "film.lsmc").write_bytes(content[:60])
    with pytest.raises(LissomError, match="no frame is whole"):
        decode_file(coder, tmp_path / "film.lsmc", tmp_path / "none.mp4")
    assert not (tmp_path / "none.mp4").exists()


def test_what_follows_the_end_of_a_stream_is_said(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4", times=(0, 1))
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 0)
    content = (tmp_path / "film.lsmc").read_bytes()
    (tmp_path / "film.lsmc").write_bytes(content * 2)
    found = decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.mp4")
    assert found.frames == 2 and found.problem is not None and "more follows" in found.problem


def test_a_stream_of_another_model_is_refused(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4", times=(0,))
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 0)
    other = tiny_coder(tiny_codec(seed=1))
    with pytest.raises(LissomError, match="another model"):
        decode_file(other, tmp_path / "film.lsmc", tmp_path / "back.mp4")


def test_a_model_with_another_synthesis_alone_is_another_model(tmp_path: Path) -> None:
    """What was cut and repaired keeps its entropy model; the pictures would be wrong all the same."""
    module = tiny_codec()
    with torch.no_grad():
        next(module.synthesis.parameters()).add_(0.01)
    assert tiny_coder(module).prior.name != tiny_coder(tiny_codec()).prior.name


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
def test_a_raw_film_that_ends_within_a_frame_is_said(coder: Coder, tmp_path: Path, size: tuple[int, int]) -> None:
    recorder = Recorder(tmp_path / "film.y4m", size, Fraction(1, 25))
    half = tuple(halved(side) for side in size)
    for number in range(3):
        recorder.write(Picture(*(np.full(shape, 90 + number, np.uint8) for shape in (size, half, half))), number)
    recorder.close()
    assert encode_file(coder, tmp_path / "film.y4m", tmp_path / "whole.lsmc", 0).problem is None
    content = (tmp_path / "film.y4m").read_bytes()
    (tmp_path / "film.y4m").write_bytes(content[:-100])
    found = encode_file(coder, tmp_path / "film.y4m", tmp_path / "cut.lsmc", 0)
    assert found.frames == 2 and found.problem is not None and "cut off within frame 3" in found.problem


def test_a_film_that_is_cut_off_is_coded_as_far_as_it_goes(coder: Coder, tmp_path: Path) -> None:
    recorder = av.open(str(tmp_path / "film.avi"), "w")
    stream: Any = recorder.add_stream("mjpeg", rate=25)
    stream.height, stream.width, stream.pix_fmt = 48, 64, "yuvj420p"
    for number in range(12):
        shown = av.VideoFrame(64, 48, "yuvj420p")
        for plane in shown.planes:
            plane.update(np.random.default_rng(number).integers(0, 256, plane.buffer_size, np.uint8).tobytes())
        recorder.mux(stream.encode(shown))
    recorder.mux(stream.encode(None))
    recorder.close()
    content = (tmp_path / "film.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) * 2 // 3])
    found = encode_file(coder, tmp_path / "cut.avi", tmp_path / "cut.lsmc", 0)
    assert 0 < found.frames < 12 and found.problem is not None and "cut off" in found.problem


def test_what_is_no_film_is_refused(coder: Coder, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no film")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    for name, said in (
        ("none.mp4", "no such file"),
        ("empty.mp4", "empty"),
        ("text.mp4", "not a video"),
        ("sound.wav", "sound alone"),
    ):
        with pytest.raises(LissomError, match=said):
            encode_file(coder, tmp_path / name, tmp_path / "out.lsmc", 0)
    assert not list(tmp_path.glob("*.lsmc"))


def test_settings_that_are_not_possible(coder: Coder, tmp_path: Path) -> None:
    with pytest.raises(LissomError, match="no quality 5"):
        encode_file(coder, tmp_path / "film.mp4", tmp_path / "out.lsmc", 5)
    tiny_film(tmp_path / "film.mp4", times=(0,))
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 0)
    with pytest.raises(LissomError, match="neither MP4 nor Y4M"):
        decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.txt")


def test_a_film_is_not_overwritten_by_what_it_is_coded_to(coder: Coder, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"precious")
    with pytest.raises(LissomError, match=r"film.mp4 is no name of a coded video"):
        encode_file(coder, film, film, 4)
    assert film.read_bytes() == b"precious"


def test_a_title_in_another_encoding(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4")
    content = (tmp_path / "film.mp4").read_bytes()
    assert b"Lavf" in content, "the tool that wrote it"
    (tmp_path / "film.mp4").write_bytes(content.replace(b"Lavf", b"Lav\xe9"))
    assert encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 4).frames == 3
