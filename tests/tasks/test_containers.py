"""What files of videos say of themselves, in each container."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="the extra video is not installed")

import av

from lissom.tasks.containers import announced, instead_of_pictures, pictures

SOUND = 8000


def film(path: Path, frames: int, seconds_of_sound: int = 0) -> Path:
    """A file of grey pictures, ten a second, with silence beside them where asked."""
    with av.open(str(path), "w") as container:
        shown = container.add_stream("mpeg4", rate=10) if frames else None
        heard = container.add_stream("pcm_s16le", rate=SOUND, layout="mono") if seconds_of_sound else None
        if shown is not None:
            shown.width, shown.height, shown.pix_fmt = 32, 32, "yuv420p"
            for _ in range(frames):
                picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 128, dtype=np.uint8), "rgb24")
                container.mux(shown.encode(picture))
            container.mux(shown.encode())
        if heard is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, SOUND * seconds_of_sound), np.int16), "s16", "mono")
            silence.sample_rate = SOUND
            container.mux(heard.encode(silence))
            container.mux(heard.encode())
    return path


@pytest.mark.parametrize("ending", ["mp4", "avi", "mkv"])
def test_the_pictures_end_when_the_file_says(ending: str, tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / f"film.{ending}", 7))) as container:
        assert announced(container, pictures(container)) == pytest.approx(Fraction(7, 10), abs=0.01)


@pytest.mark.parametrize("ending", ["avi", "mkv"])
def test_sound_that_lasts_longer_is_not_counted(ending: str, tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / f"film.{ending}", 7, seconds_of_sound=3))) as container:
        assert announced(container, pictures(container)) <= 1


def test_sound_alone_has_no_pictures(tmp_path: Path) -> None:
    with av.open(str(film(tmp_path / "sound.wav", 0, seconds_of_sound=1))) as container:
        assert pictures(container) is None
        assert instead_of_pictures(container) == "it holds sound alone, no video"
