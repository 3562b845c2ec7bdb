"""Motions told from clips, and the demo's result as clips and as a stream, for results/video.json.

    python training/video.py WORK
    make demo-video
    python benchmarks/video.py score WORK runs/demo-video
    python benchmarks/video.py unseen WORK PHOTOS
    python benchmarks/video.py time runs/demo-video
    python benchmarks/video.py loader

`score` takes down what was trained and what the demo delivered, and compares the bundle's streaming form with its clip
form on the whole test split. `unseen` asks both trained networks about clips of other photos, PHOTOS being a folder of
them. `time` and `loader` need a quiet machine: the first times clips and single frames, the second how many clips a
second training takes from files and from memory beside what it takes where the loader does nothing.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from adding import added
from PIL import Image
from safetensors.torch import load_file
from torch import nn

import lissom
from lissom.core.machine import describe
from lissom.core.records import Verdict, to_json
from lissom.core.statistics import median_interval
from lissom.core.timing import interleaved
from lissom.export.runners.onnx_runner import Runner
from lissom.report.view import read
from lissom.tasks.video import decoding
from lissom.tasks.video.motion import MOTIONS, MotionClip, write_clip
from lissom.tasks.video.motion_set import PREPROCESSING
from lissom.tasks.video.split import VideoSplit
from lissom.train.batches import prepared, shuffled
from lissom.train.loop import supervised
from lissom.workload.workload import Batch, Split, Workload
from lissom.zoo.tsm import tsm

RESULTS = Path(__file__).parent / "results" / "video.json"
MODEL = "zoo:tsm_rgbdiff_mobilenet_v2"
NETWORKS: dict[str, dict[str, Any]] = {"tsm": {"difference": True}, "frames": {"share": 0}}
PHOTOS = 200
BATCH, STEPS, ROUNDS = 32, 8, 5


def batches(split: Split) -> Iterator[Batch]:
    """All of a split, 64 clips at a time."""
    for start in range(0, len(split), 64):
        yield split.take(range(start, min(start + 64, len(split))))


def score(work: Path, run: Path) -> dict[str, Any]:
    """What was trained, what was delivered, and how far the stream is from the clips."""
    view = read(run)
    assert view.verdict is not None and view.end is not None, "the run has not ended"
    trained = {name: json.loads((work / f"{name}.json").read_text(encoding="utf-8")) for name in NETWORKS}
    return {
        "classes": list(MOTIONS),
        "trained": trained,
        "demo": {
            "budget": view.settings.budget,
            "seconds": view.end.seconds,
            "verdict": without_samples(view.verdict),
            "moves": [{"move": trial.move, "kept": trial.kept, "reason": trial.reason} for trial in view.trials],
        },
        "stream": stream_beside_clips(run),
    }


def without_samples(verdict: Verdict) -> dict[str, Any]:
    """The verdict without single timings."""
    found = to_json(verdict)
    for which in ("original", "final"):
        found[which].pop("latency_samples_ms")
    return found


def original() -> Workload:
    """The set of motions, with the network that the demo starts from."""
    return lissom.load(MODEL, data="motions", task="video", download=True)


def stream_beside_clips(run: Path) -> dict[str, Any]:
    """The largest difference of streaming and clip form in FP32, and how often the artefact answers as the stream."""
    workload = original()
    module = lissom.load(run / "model.safetensors", build=lambda: original().module)
    artefact = Runner(next((run / "bundle").glob("model.*")), 2)
    session = onnxruntime.InferenceSession(run / "bundle" / "stream.onnx", providers=["CPUExecutionProvider"])
    furthest, largest, alike, right, count = 0.0, 0.0, 0, 0, 0
    for batch in batches(workload.splits.test):
        clips = batch.inputs[0].numpy()
        with torch.inference_mode():
            whole = module(batch.inputs[0]).numpy()
        streamed = np.stack([mean_of_frames(session, clip) for clip in clips])
        answers = artefact.run([clips])[0]
        furthest = max(furthest, float(np.abs(streamed - whole).max()))
        largest = max(largest, float(np.abs(whole).max()))
        alike += int((streamed.argmax(1) == answers.argmax(1)).sum())
        assert batch.targets is not None
        right += int((streamed.argmax(1) == batch.targets.numpy()).sum())
        count += len(clips)
    return {
        "clips": count,
        "largest_difference": furthest,
        "largest_score": largest,
        "answered_as_by_the_artefact": 100 * alike / count,
        "accuracy": 100 * right / count,
    }


def mean_of_frames(session: onnxruntime.InferenceSession, clip: np.ndarray) -> np.ndarray:
    """What the streaming form says of a clip ``(3, frames, height, width)``: ``(classes,)``."""
    inputs = session.get_inputs()
    names = [one.name for one in inputs]
    past = [np.zeros(one.shape, np.float32) for one in inputs[1:]]
    scores: list[np.ndarray] = []
    for frame in clip.swapaxes(0, 1):
        scored, *past = session.run(None, dict(zip(names, [np.ascontiguousarray(frame[None]), *past], strict=True)))
        scores.append(np.asarray(scored)[0])
    return np.mean(scores, axis=0)


def trained_network(work: Path, name: str) -> nn.Module:
    """One of the networks that training/video.py left."""
    network = tsm("mobilenet_v2", len(MOTIONS), **NETWORKS[name])
    state = load_file(work / f"{name}.safetensors")
    network.load_state_dict(
        {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    )
    return network.eval()


def unseen(work: Path, photos: Path) -> dict[str, Any]:
    """Percent of clips of other photos that the trained networks tell right."""
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:PHOTOS]
    place = work / "unseen"
    for number, path in enumerate(paths):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        for motion in MOTIONS:
            clip = MotionClip(path.stem, number, motion, 0)
            target = place / motion / f"{number:04d}.mp4"
            if min(picture.size) >= 200 and not target.is_file():
                write_clip(target, picture, clip, 1)
    seen = {"size": PREPROCESSING["crop"][0], **{key: PREPROCESSING[key] for key in ("resize", "mean", "std")}}
    networks = {name: trained_network(work, name) for name in NETWORKS}
    workload = lissom.load(networks["tsm"], data=place, task="video", **seen)
    right, count = dict.fromkeys(NETWORKS, 0), 0
    for split in (workload.splits.train, workload.splits.select, workload.splits.test):
        for batch in batches(split):
            assert batch.targets is not None
            count += len(batch.targets)
            for name, network in networks.items():
                with torch.inference_mode():
                    right[name] += int((network(*batch.inputs).argmax(1) == batch.targets).sum())
    return {"photos": len(paths), "clips": count, "accuracy": {name: 100 * n / count for name, n in right.items()}}


def timed(run: Path) -> dict[str, Any]:
    """Latency of a clip by original and result, and of a frame by the stream, in turn on one thread, in ms."""
    bundle = run / "bundle"
    with np.load(bundle / "vectors.npz") as vectors:
        clip = vectors["input_0"][:1]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
    session = onnxruntime.InferenceSession(bundle / "stream.onnx", options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    frame = {one.name: np.zeros(one.shape, np.float32) for one in inputs}
    result, before = (Runner(path, 1) for path in (next(bundle.glob("model.*")), original_artefact(run)))
    calls: dict[str, Callable[[], object]] = {
        "original, a clip": lambda: before.run([clip]),
        "result, a clip": lambda: result.run([clip]),
        "result, a frame of a stream": lambda: session.run(None, frame),
    }
    found = interleaved(calls, seconds=20)
    return {
        "clip_frames": clip.shape[2],
        "rows": [
            {"what": name, "median_ms": median_interval(values)[0], "interval_ms": median_interval(values)[1],
             "p95_ms": float(np.quantile(values, 0.95)), "timings": len(values)}
            for name, values in found.items()
        ],
    }  # fmt: skip


def original_artefact(run: Path) -> Path:
    """The artefact of the original, which a run keeps."""
    return next((run / "work").glob("**/original*.onnx"))


def loader() -> dict[str, Any]:
    """Clips a second that one thread of training takes: fed by nothing, from memory, and from files."""
    torch.set_num_threads(1)
    kept = original()
    decoding.KEPT_BYTES = 0
    lean = original()
    groups = shuffled(len(kept.splits.train), BATCH, seed=0, epoch=0)[: STEPS * ROUNDS]
    same = kept.splits.train.take(groups[0], view=0)
    rates: dict[str, list[float]] = {"nothing": [], "memory": [], "files": []}
    learning = learner(kept)
    for number in range(ROUNDS):
        mine = groups[number * STEPS : (number + 1) * STEPS]
        sources = {
            "nothing": lambda: iter([same] * STEPS),
            "memory": lambda mine=mine: prepared(kept.splits.train, mine, 0),
            "files": lambda mine=mine: prepared(lean.splits.train, mine, 0),
        }
        for name, source in sources.items():
            rates[name].append(taken(learning, source()))
    assert isinstance(lean.splits.train, VideoSplit) and lean.splits.train.kept is None
    middle = {name: float(np.median(values)) for name, values in rates.items()}
    return {
        "batch": BATCH,
        "workers": lean.splits.train.workers.count,
        "clips_a_second": middle,
        "all": rates,
        "share": {name: middle[name] / middle["nothing"] for name in ("memory", "files")},
    }


def learner(workload: Workload) -> Callable[[Batch], None]:
    """A step of training as the demo's recovery takes it."""
    module = workload.module.train()
    optimizer, objective = torch.optim.AdamW(module.parameters()), supervised(workload.task)

    def step(batch: Batch) -> None:
        loss = objective(module(*batch.inputs), batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def taken(step: Callable[[Batch], None], source: Iterator[Batch]) -> float:
    """Clips a second of a few steps, after a first one that starts what has to start."""
    for batch in islice(source, 1):
        step(batch)
    count, begun = 0, time.perf_counter()
    for batch in source:
        step(batch)
        count += len(batch.indices)
    return count / (time.perf_counter() - begun)


def main() -> None:
    """Measure one part and put it beside the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    for name, places in {
        "score": ("work", "run"),
        "unseen": ("work", "photos"),
        "time": ("run",),
        "loader": (),
    }.items():
        part = parts.add_parser(name)
        for place in places:
            part.add_argument(place, type=Path)
    asked = vars(parser.parse_args())
    part = asked.pop("part")
    measured = {"score": score, "unseen": unseen, "time": timed, "loader": loader}[part](**asked)
    with added(RESULTS) as results:
        results[part] = {**measured, "machine": to_json(describe())}


if __name__ == "__main__":
    main()
