"""A bundle cuts out of a frame what the run did, whatever the shape of the film."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="the extra video is not installed")

from lissom.tasks.video import handling
from lissom.tasks.video.handling import Viewing, read_frames, squared
from lissom.tasks.video.motion import write_video


def test_the_crop_is_that_of_the_middle_square(loaded: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 56, 3), dtype=np.uint8)
    write_video(tmp_path / "film.mp4", noise)
    viewing, seen = Viewing(2, (28, 28), 31), list[np.ndarray]()
    frames = squared(read_frames(tmp_path / "film.mp4", viewing.moments(), viewing.resize), viewing.resize)
    assert frames.shape == (2, 31, 31, 3)
    expected = viewing.normalise(viewing.cropped(frames))

    def run(*asked: Any) -> list[np.ndarray]:
        seen.append(asked[0][0] if isinstance(asked[0], list) else asked[1]["frame"])
        return [np.zeros((1, 2))]

    made = loaded("video", handling=handling)
    model = made["Model"].__new__(made["Model"])
    model.viewing, model.handling, model.runner = viewing, {}, SimpleNamespace(run=run)
    model.predict(tmp_path / "film.mp4", 1, 1)
    assert np.array_equal(seen.pop()[0], expected)

    watcher = made["Watcher"].__new__(made["Watcher"])
    watcher.viewing, watcher.names, watcher.past = viewing, ["frame"], []
    watcher.session, watcher.scores = SimpleNamespace(run=run), deque[Any](maxlen=2)
    first = read_frames(tmp_path / "film.mp4", viewing.moments(), viewing.resize)[0]
    watcher.see(first)
    assert np.array_equal(seen.pop()[0], expected[:, 0])
