"""Clips labelled by motion move as their label says, a frame alone does not tell, and sources stay apart."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

from lissom.tasks.video.motion import (
    FRAMES,
    MOTIONS,
    SIDE,
    MotionClip,
    frames_of,
    motion_clip,
    motion_path,
    part_of,
    write_clip,
    write_video,
)

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


def test_frames_of_a_path_can_be_drawn_alone_and_smaller() -> None:
    alone, whole = (
        motion_clip(slope(), "pan left", np.random.default_rng(3), **only).astype(np.float64)
        for only in ({"numbers": (2, 13), "pixels": 20}, {})
    )
    assert alone.shape == (2, 20, 20, 3)
    np.testing.assert_allclose(alone.mean((1, 2)), whole[[2, 13]].mean((1, 2)), atol=1)


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


def test_a_clip_is_the_same_each_time_and_another_one_is_not(tmp_path: Path) -> None:
    picture = slope()
    clips = [MotionClip("x", 0, "shake", number) for number in (0, 0, 1)]
    paths = [tmp_path / f"{k}.mp4" for k in range(3)]
    for path, clip in zip(paths, clips, strict=True):
        write_clip(path, picture, clip, 5)
    one, again, other = (path.read_bytes() for path in paths)
    assert one == again != other
    assert clips[0].name != clips[2].name and clips[0].name.split("/")[:2] == [part_of("x"), "shake"]


def test_sources_are_divided_by_their_names() -> None:
    parts = [part_of(f"photo {number}") for number in range(300)]
    assert 40 < parts.count("test") < 80 and 15 < parts.count("select") < 45 and parts.count("train") > 180


def test_frames_of_a_film_by_number(tmp_path: Path) -> None:
    greys = np.arange(8, dtype=np.uint8)[:, None, None, None] * 30
    write_video(tmp_path / "film.mp4", np.broadcast_to(greys, (8, 64, 64, 3)))
    with (tmp_path / "film.mp4").open("rb") as film:
        found = [round(float(np.asarray(frame).mean())) for frame in frames_of(film, range(1, 8, 3))]
    assert found == pytest.approx([30, 120, 210], abs=3)
