"""A bundle cuts out of a frame what the run did, whatever the shape of the film; and what it says of streams."""

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="the extra video is not installed")

import av

from lissom.export.bundle import handling_source
from lissom.tasks import containers
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


def looked(made: dict[str, Any], at: list[float], rate: int) -> list[float]:
    """The times of the frames that are looked at, of a stream of frames at some times."""
    seen: list[float] = []
    made["stream_frames"] = lambda *_: iter([(time, time) for time in at])
    made["Watcher"] = lambda _: SimpleNamespace(see=seen.append)
    model = SimpleNamespace(viewing=Viewing(), named=lambda *_: [{"name": "cat", "probability": 1.0}])
    made["stream"](model, "film.mp4", rate, True)
    return seen


@pytest.mark.parametrize(
    ("rate", "fps", "looks"), [(25, 30, 250), (24, 30, 240), (10, 30, 100), (30, 30, 300), (60, 30, 300), (0, 30, 300)]
)
def test_a_stream_is_looked_at_as_often_as_asked(
    loaded: Callable[..., dict[str, Any]], rate: int, fps: int, looks: int
) -> None:
    made = loaded("video", handling=handling)
    for begun, digits in ((0.0, 12), (-2.0, 12), (-2.0, 3), (1.4, 3)):  # Matroska has milliseconds
        found = looked(made, [round(begun + number / fps, digits) for number in range(10 * fps)], rate)
        assert len(found) == looks and found[0] == begun


def test_a_gap_in_a_stream_is_not_made_up_for(loaded: Callable[..., dict[str, Any]]) -> None:
    """20 s are missing; at the end the times begin anew."""
    at = [number / 30 for number in (*range(30), *range(630, 660), *range(30))]
    found = looked(loaded("video", handling=handling), at, 10)
    assert sum(time < 1 for time in found) == 20 and 10 <= sum(time >= 1 for time in found) <= 11


@pytest.fixture
def bundled(loaded: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names in the predictor, with the handling as a bundle has it."""
    monkeypatch.setitem(sys.modules, "containers", containers)
    beside = ModuleType("handling")
    exec(handling_source("video"), beside.__dict__)
    return loaded("video", handling=beside)


def test_a_stream_that_is_cut_off_is_looked_at_as_far_as_it_goes(
    bundled: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 56, 3), dtype=np.uint8)
    write_video(tmp_path / "film.mp4", noise)
    with av.open(str(tmp_path / "film.mp4")) as film, av.open(str(tmp_path / "film.mkv"), "w") as out:
        copy = out.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    content = (tmp_path / "film.mkv").read_bytes()
    (tmp_path / "film.mkv").write_bytes(content[: len(content) // 2])
    model = SimpleNamespace(viewing=Viewing(2, (28, 28), 31), named=lambda *_: [{"name": "cat", "probability": 1.0}])
    bundled["start"] = lambda *_: model
    bundled["Watcher"] = lambda _: SimpleNamespace(see=lambda _: None)
    monkeypatch.setattr("sys.argv", ["predict.py", "--stream", str(tmp_path / "film.mkv")])
    assert bundled["main"]() == 2
    told = capsys.readouterr()
    assert "cat 100%" in told.out and "cat after " in told.out and "cut off or damaged" in told.err
    (tmp_path / "film.mkv").write_bytes(content)
    assert bundled["main"]() == 0 and "cat after 24 frames" in capsys.readouterr().out


def test_a_damaged_streaming_form_is_said(bundled: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "stream.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match=r"stream\.onnx is damaged .*; predict\.py --verify says where"):
        bundled["Watcher"](SimpleNamespace(threads=1))
