"""Clips labelled by motion move as their label says, a frame alone does not tell, and sources stay apart."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from lissom.core.errors import LissomError
from lissom.tasks.video.motion import (
    FRAMES,
    MOTIONS,
    SIDE,
    Source,
    motion_clip,
    motion_path,
    sources_in,
    write_motion_set,
)
from lissom.tasks.video.sources import find

WEST, EAST = 0, 255


def slope(size: int = 200) -> Image.Image:
    """A picture that gets brighter to the right in red, and downward in green."""
    line = np.linspace(WEST, EAST, size).astype(np.uint8)
    red, green = np.broadcast_to(line[None], (size, size)), np.broadcast_to(line[:, None], (size, size))
    return Image.fromarray(np.stack([red, green, np.zeros_like(red)], -1))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("motion", MOTIONS)
def test_the_camera_moves_as_the_label_says(motion: str, seed: int) -> None:
    clip = motion_clip(slope(), motion, np.random.default_rng(seed)).astype(np.float64)
    assert clip.shape == (FRAMES, SIDE, SIDE, 3)
    across, down = clip[..., 0].mean((1, 2)), clip[..., 1].mean((1, 2))
    width = clip[..., -8:, 0].mean((1, 2)) - clip[..., :8, 0].mean((1, 2))
    drift = {"pan right": (1, 0), "pan left": (-1, 0), "pan down": (0, 1), "pan up": (0, -1)}.get(motion, (0, 0))
    for seen, sign in zip((across, down), drift, strict=True):
        moved = seen[-1] - seen[0]
        assert np.sign(round(moved / 10)) == sign if motion != "shake" else abs(moved) < 60
    grown = width[-1] / width[0]
    assert grown < 0.8 if motion == "zoom in" else grown > 1.25 if motion == "zoom out" else 0.9 < grown < 1.1
    jumps = np.abs(np.diff(across)).max()
    assert jumps < 1 if motion == "still" else motion != "shake" or jumps > 2


def test_one_frame_says_nothing() -> None:
    """Of a frame drawn at random the window's side and place are distributed alike for all motions: the largest
    distance of two distributions (Kolmogorov and Smirnov) stays below what chance gives once in 10,000 times."""
    draws = 1500
    seen: dict[str, np.ndarray] = {}
    for number, motion in enumerate(MOTIONS):
        generator = np.random.default_rng(number)
        paths = [motion_path((300, 240), motion, generator) for _ in range(draws)]
        at = generator.integers(0, FRAMES, draws)
        seen[motion] = np.array([(side[k], *middle[k]) for k, (side, middle) in zip(at, paths, strict=True)])
    everywhere = np.sort(np.concatenate(list(seen.values())), axis=0)
    shares = {
        motion: [np.searchsorted(np.sort(values[:, k]), everywhere[:, k]) / draws for k in range(3)]
        for motion, values in seen.items()
    }
    for motion in MOTIONS:
        for mine, others in zip(shares[motion], shares["still"], strict=True):
            assert np.abs(mine - others).max() < 2.3 * np.sqrt(2 / draws), motion


def test_windows_stay_inside_the_picture() -> None:
    for motion in MOTIONS:
        for seed in range(50):
            sides, middles = motion_path((250, 200), motion, np.random.default_rng(seed))
            assert (middles - sides[:, None] / 2).min() >= 0
            assert (middles + sides[:, None] / 2 <= (250, 200)).all()


def test_a_set_is_divided_by_source_and_the_same_each_time(tmp_path: Path) -> None:
    sources = [Source(f"photo {k}", slope(120)) for k in range(12)]
    sizes = write_motion_set(sources[:6], tmp_path / "one")
    again = write_motion_set(sources[:6], tmp_path / "two")
    assert sizes == again and sum(part["clips"] for part in sizes.values()) == 6 * len(MOTIONS)
    with (tmp_path / "one" / "clips.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["group"], row["split"]) for row in rows}) == len({row["group"] for row in rows}) == 6
    for row in rows[:3]:
        assert (tmp_path / "one" / row["path"]).read_bytes() == (tmp_path / "two" / row["path"]).read_bytes()
    assert find(tmp_path / "one" / "clips.csv").classes == MOTIONS
    assert {source.part for source in sources} == {"train", "select", "test"}


def test_sources_are_photos_and_frames_of_films(tmp_path: Path) -> None:
    slope().save(tmp_path / "a.png")
    slope(50).save(tmp_path / "small.png")
    write_motion_set([Source("x", slope())], tmp_path / "films")
    film = next((tmp_path / "films").rglob("*.mp4"))
    assert [source.name for source in sources_in(tmp_path)] == ["a.png"]  # what is smaller than a window is left out
    with pytest.raises(LissomError, match="holds no photo or film"):
        sources_in(film.parent)
