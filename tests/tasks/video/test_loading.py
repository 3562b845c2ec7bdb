"""A workload of videos: clips of a model, views, groups kept apart, and what cannot be read; then all the way."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("av")

import lissom
from lissom.core.errors import LissomError
from lissom.engine.options import Options
from lissom.export.bundle import Contents, write_bundle
from lissom.export.onnx_file import export_onnx
from lissom.export.runners.onnx_runner import Runner
from lissom.export.stream_file import stream_files
from lissom.targets.parity import answers
from lissom.tasks import TASKS
from lissom.tasks.video import decoding
from lissom.tasks.video.film import SHOWN_FRAMES
from lissom.tasks.video.handling import Viewing, read_frames, squared, stream_frames
from lissom.tasks.video.motion import MOTIONS, write_video
from lissom.tasks.video.split import VideoSplit
from lissom.workload.workload import Watchable, Workload
from lissom.zoo.tsm import VideoClassifier
from lissom.zoo.tsm_layers import Shifted

CLASSES = ("down", "up")
SMALL = {"size": 24, "resize": 28, "frames": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise that moves up or down, by films of two clips each."""
    folder = tmp_path_factory.mktemp("videos")
    for film in range(8):
        for name, step in (("down", 3), ("up", -3)):
            noise = np.random.default_rng((film, step + 9)).integers(0, 256, (16, 12, 3), dtype=np.uint8)
            picture = noise.repeat(4, 0).repeat(4, 1)
            frames = np.stack([np.roll(picture, step * k, 0)[:32, :40] for k in range(8)])
            for clip in range(2):
                write_video(folder / name / f"film{film}-{clip}.mp4", frames)
    return folder


def net(num_classes: int = 2) -> VideoClassifier:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        Shifted(nn.Sequential(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 8, 1)), 8, 2),
        nn.Conv2d(8, 16, 1),
        nn.ReLU(),
    )
    return VideoClassifier(layers, 16, num_classes).eval()


def load(data: Path, **options: object) -> Workload:
    settings = {**SMALL, "group": r"(film\d)", **options}
    return lissom.load(net(), data=data, task="video", random_weights=True, **settings)


def test_inputs_are_what_a_bundle_computes(folder: Path) -> None:
    workload = load(folder)
    split = workload.splits.test
    assert isinstance(split, VideoSplit) and workload.classes == CLASSES and workload.task.name == "video"
    viewing = Viewing.from_json(workload.handling["viewing"])
    batch = split.take([0, 1])
    assert batch.inputs[0].shape == (2, 3, 4, 24, 24) and batch.targets is not None
    for row in (0, 1):
        frames = read_frames(split.paths[row], viewing.moments(), viewing.resize)
        assert np.array_equal(batch.inputs[0][row].numpy(), viewing.normalise(viewing.cropped(squared(frames, 28))))
        assert CLASSES[int(batch.targets[row])] == split.names[row].split("/")[0]
    assert "none mirrored" in "\n".join(workload.notes)


def test_films_are_kept_apart(folder: Path) -> None:
    splits = load(folder).splits
    assert any("clips of" in note and "sources" in note for note in splits.notes)
    films = [{name.split("/")[1][:5] for name in getattr(splits, part).names} for part in ("train", "select", "test")]
    assert sum(map(len, films)) == len(set.union(*films)) == 8


def test_views_are_the_same_each_time_with_and_without_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = load(folder).splits.train
    monkeypatch.setattr(decoding, "KEPT_BYTES", 0)
    lean = load(folder).splits.train
    assert isinstance(kept, VideoSplit) and isinstance(lean, VideoSplit)
    assert kept.kept is not None and lean.kept is None
    assert torch.equal(kept.take([3, 0]).inputs[0], lean.take([3, 0]).inputs[0])
    for split in (kept, lean):
        plain, first, again, other = (split.take([1, 2], view=view).inputs[0] for view in (None, 0, 0, 1))
        assert torch.equal(first, again) and not torch.equal(first, other) and not torch.equal(first, plain)
    flipped = load(folder, flip=True).splits.train
    same = [torch.equal(flipped.take([k], view=0).inputs[0], lean.take([k], view=0).inputs[0]) for k in range(8)]
    assert any(same) and not all(same)
    for split in (lean, flipped):
        assert isinstance(split, VideoSplit)
        split.workers.rest()


@pytest.mark.parametrize("kept_bytes", [None, 0])
def test_a_video_is_judged_by_the_mean_of_its_clips(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kept_bytes: int | None
) -> None:
    if kept_bytes is not None:
        monkeypatch.setattr(decoding, "KEPT_BYTES", kept_bytes)
    workload = load(folder, clips=3)
    split = workload.splits.test
    assert isinstance(split, VideoSplit) and workload.handling["clips"] == 3
    assert any("mean of those to 3 clips" in note for note in workload.notes)
    viewing = Viewing.from_json(workload.handling["viewing"])
    clips = [read_frames(split.paths[1], moments, viewing.resize) for moments in viewing.clips(3)]
    looks = split.looks()
    for look, frames in zip(looks, clips, strict=True):
        expected = viewing.normalise(viewing.cropped(squared(frames, 28)))
        assert np.array_equal(look.take([1]).inputs[0][0].numpy(), expected)
    assert workload.splits.train.looks()[0] is workload.splits.train  # pyright: ignore[reportAttributeAccessIssue]
    assert torch.equal(split.take([1]).inputs[0], looks[1].take([1]).inputs[0])  # the middle one is the usual one
    split.workers.rest()


def test_so_many_clips_are_not_possible(folder: Path) -> None:
    with pytest.raises(LissomError, match="0 clips of a video are not possible"):
        load(folder, clips=0)


def test_a_split_has_small_films_to_look_at(folder: Path, tmp_path: Path) -> None:
    split = load(folder).splits.test
    assert isinstance(split, VideoSplit) and isinstance(split, Watchable)
    (tmp_path / "small.mp4").write_bytes(split.film(0))
    times, frames = zip(*stream_frames(tmp_path / "small.mp4", 32), strict=True)
    assert len(frames) == SHOWN_FRAMES and frames[0].shape == (32, 40, 3)
    assert times[-1] == pytest.approx(1.0, abs=0.05)  # what is shorter than a second is shown in one
    first, last = (read_frames(split.paths[0], (at,), 32)[0].astype(int) for at in (0.01, 0.99))
    assert 2 * np.abs(frames[0] - first).mean() < np.abs(frames[0] - last).mean()


def test_damaged_videos_are_named(folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*.mp4"):
        place = tmp_path / path.relative_to(folder)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
    (tmp_path / "up" / "film3-0.mp4").write_bytes(b"")
    with pytest.raises(LissomError, match=r"1 of \d+ \w+ videos cannot be read: up/film3-0.mp4: it is empty"):
        load(tmp_path)


def test_models_of_another_input_are_refused(folder: Path) -> None:
    with pytest.raises(LissomError, match=r"cannot be run on a clip of \(1, 3, 4, 24, 24\)"):
        lissom.load(nn.Linear(3, 2), data=folder, task="video", random_weights=True, **SMALL)
    with pytest.raises(LissomError, match=r"answers one clip with \(1, 9216\)|not \(1, classes\)"):
        lissom.load(nn.Flatten(2), data=folder, task="video", random_weights=True, **SMALL)


@pytest.mark.slow
def test_from_a_budget_to_a_stream(folder: Path, tmp_path: Path) -> None:
    options = Options(epochs=1, measure_s=0.2)
    run = lissom.compress(load(folder), budget="macs<=70%, drop<=100pt", output=tmp_path / "run", options=options)
    assert run.met
    check_bundle(run.bundle, next(folder.rglob("film0-0.mp4")), tmp_path)


def test_a_bundle_answers_and_streams(folder: Path, tmp_path: Path) -> None:
    workload = load(folder, clips=3)
    files = TASKS.get("video").attached(workload)
    export_onnx(workload.module, workload.example, tmp_path / "model.onnx")
    inputs = workload.splits.test.take([0, 1]).inputs[0].numpy()
    contents = Contents(
        files=(tmp_path / "model.onnx",),
        runner="lissom.export.runners.onnx_runner",
        task="video",
        handling=workload.handling,
        classes=workload.classes,
        inputs=(inputs,),
        outputs=Runner(tmp_path / "model.onnx").run([inputs])[0],
        original=answers(workload.module, [inputs]),
        card="# Tiny videos, made light\n",
        facts={"model": "tiny videos", "task": "video", "target": "onnxruntime", "score": 50.0},
        attached=files,
    )
    write_bundle(tmp_path / "bundle", contents)
    check_bundle(tmp_path / "bundle", next(folder.rglob("film0-0.mp4")), tmp_path)


def streamed(bundle: Path, clips: np.ndarray) -> np.ndarray:
    """The mean of what the bundle's streaming form says of the frames of each clip, ``(clips, classes)``."""
    session = onnxruntime.InferenceSession(bundle / "stream.onnx", providers=["CPUExecutionProvider"])
    inputs, found = session.get_inputs(), list[np.ndarray]()
    for clip in clips:
        past = [np.zeros(one.shape, np.float32) for one in inputs[1:]]
        scores = list[np.ndarray]()
        for frame in clip.swapaxes(0, 1):
            score, *past = session.run(None, dict(zip([one.name for one in inputs], [frame[None], *past], strict=True)))
            scores.append(score[0])
        found.append(np.mean(scores, axis=0))
    return np.stack(found)


def check_bundle(bundle: Path, video: Path, work: Path) -> None:
    """It answers videos, streams them, says what is wrong with others, and needs no PyTorch."""

    def predict(*words: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, bundle / "predict.py", *map(str, words), "--json"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert predict("--verify").returncode == 0
    with np.load(bundle / "vectors.npz") as vectors:  # in FP32 the stream is the clip form, whatever was cut
        np.testing.assert_allclose(streamed(bundle, vectors["input_0"]), vectors["original"], atol=1e-5, rtol=1e-5)
    found = json.loads(predict(video, "--clips", 2).stdout)
    assert {item["name"] for item in found["classes"]} == set(CLASSES) and found["clips"] == 2
    assert json.loads(predict(video).stdout)["clips"] == json.loads((bundle / "handling.json").read_text())["clips"]
    done = predict(video, "--stream")
    assert done.returncode == 0, done.stderr
    *heard, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert last["frames"] == 8 and heard[0]["at_s"] == 0 and 0 < last["latency_ms"] <= last["latency_p95_ms"]
    (work / "none.mp4").write_bytes(b"")
    for more in ([], ["--stream"]):
        refused = predict(work / "none.mp4", *more)
        assert refused.returncode == 2 and "it is empty" in refused.stderr and "Traceback" not in refused.stderr
    needed = (bundle / "requirements.txt").read_text(encoding="utf-8").split()
    assert sorted(needed) == ["av", "numpy", "onnxruntime"]
    for file in bundle.glob("*.py"):
        assert not [word for word in ("torch", "lissom") if f"import {word}" in file.read_text(encoding="utf-8")], file


def test_a_video_model_of_torchvision_is_fed_as_it_was_trained(folder: Path) -> None:
    loaded = lissom.load("torchvision:mc3_18", data=folder, task="video", random_weights=True, frames=2, limit=4)
    viewing = Viewing.from_json(loaded.handling["viewing"])
    assert (viewing.crop, viewing.resize, viewing.mean[0]) == ((112, 112), 128, 0.43216)
    assert loaded.example[0].shape == (1, 3, 2, 112, 112) and loaded.classes == CLASSES


def test_only_models_that_stream_have_a_stream() -> None:
    clip: Tensor = torch.zeros(1, 3, 4, 16, 16)
    assert stream_files(nn.Flatten(), (clip,)) == {}


def test_all_motions_have_names_in_order() -> None:
    assert list(MOTIONS) == sorted(MOTIONS)
