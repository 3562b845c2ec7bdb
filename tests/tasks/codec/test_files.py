from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lissom.core.errors import LissomError
from lissom.tasks.codec.coding import Coder
from lissom.tasks.codec.files import decode_file, encode_file
from lissom.tasks.codec.pictures import Picture
from lissom.tasks.codec.video import Recorder, frames
from lissom.testing.tiny_codec import tiny_codec, tiny_coder, tiny_film


def times(path: Path) -> list[Fraction]:
    return [frame.time * frame.base for frame in frames(path)]


def test_there_and_back_keeps_frames_sizes_and_uneven_times(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4", times=(0, 1, 5))
    found = encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 4)
    assert (found.frames, found.keys, found.whole) == (3, 1, True)
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
        held.append([frame.picture for frame in frames(tmp_path / name)])
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
    assert [frame.picture.y.shape for frame in frames(tmp_path / "back.y4m")] == [(33, 17)]
    decode_file(coder, tmp_path / "film.lsmc", tmp_path / "back.mp4")  # which knows even sizes alone
    assert [frame.picture.y.shape for frame in frames(tmp_path / "back.mp4")] == [(34, 18)]


def test_a_phone_that_was_held_upright(coder: Coder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV tells the rotation of a frame; no writer that comes with it can store one."""

    class Turned:
        def __init__(self, frame: Any) -> None:
            self.frame, self.rotation = frame, 90

        def __getattr__(self, name: str) -> Any:
            return getattr(self.frame, name)

    import lissom.tasks.codec.video as video

    tiny_film(tmp_path / "film.mp4", size=(48, 64), times=(0,))
    plain = next(frames(tmp_path / "film.mp4")).picture
    whole = video.shown
    monkeypatch.setattr(video, "shown", lambda path: ((time, Turned(frame)) for time, frame in whole(path)))
    turned = next(frames(tmp_path / "film.mp4")).picture
    np.testing.assert_array_equal(turned.y, np.rot90(plain.y))
    assert turned.u.shape == (32, 24)


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


def test_a_stream_of_another_model_is_refused(coder: Coder, tmp_path: Path) -> None:
    tiny_film(tmp_path / "film.mp4", times=(0,))
    encode_file(coder, tmp_path / "film.mp4", tmp_path / "film.lsmc", 0)
    other = tiny_coder(tiny_codec(seed=1))
    with pytest.raises(LissomError, match="another model"):
        decode_file(other, tmp_path / "film.lsmc", tmp_path / "back.mp4")


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
    assert 0 < found.frames < 12 and not found.whole


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
