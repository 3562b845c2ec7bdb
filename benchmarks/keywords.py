"""Spoken digits by a speaker who was never heard: DS-CNN-S and what is left of it, for results/keywords.json.

    python benchmarks/keywords.py spoken-digits.zip WORK [--speaker NAME] [--seed N]
    python benchmarks/keywords.py spoken-digits.zip WORK --time

The zip holds recordings DIGIT_SPEAKER_NUMBER.wav of four speakers. Each speaker in turn is the test. Nine tenths of the
recordings of the other three are learnt from, by the original too, and beside them the digits of the synthesiser
espeak-ng (Debian's; 32 voices, once each). Three real speakers are too few to hold one back to choose by, and as they
are those who were learnt from say little of a stranger: select are their other recordings in four voices each that are
not theirs, slower and lower or faster and higher.

Rows are kept as they are made; what is there is not made again. ``--time`` times the originals and bundles once more,
on a machine that does nothing else.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adding import added, known
from safetensors.torch import save_file

import lissom
from lissom.core.files import whole_file, write_text
from lissom.core.machine import describe
from lissom.core.progress import Progress
from lissom.core.records import to_json
from lissom.core.statistics import median_interval
from lissom.core.timing import interleaved
from lissom.engine.options import Options
from lissom.export.runners.onnx_runner import Runner
from lissom.report.view import read as view_of
from lissom.tasks.speech.synthesis import SpokenClips, Synthesisers
from lissom.tasks.speech.synthetic_words import NUMBERS, made_by_formants, programs
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split

RESULTS = Path(__file__).parent / "results" / "keywords.json"
SPEAKERS = ("george", "jackson", "lucas", "nicolas")
MODEL = "zoo:ds_cnn_s"
BUDGET = "size<=25KB, latency<=1ms, drop<=1pt"
FEATURES = {"rate": 8000, "bands": 20, "window_ms": 40.0, "hop_ms": 20.0}  # close to those of the model's paper
TEACHING = Schedule(epochs=24, rate=4e-3, batch=64, weight_decay=2e-2)
EPOCHS = 30  # of each recovery: fixed, so that a busy machine gives the same figures
DIGITS = NUMBERS.split()
CHOSEN_BY = 5  # recordings of each digit by each speaker
SPEEDS = (0.8, 0.9, 1.12, 1.25)  # that they are heard at, pitch and formants with them
Row = dict[str, str]


def manifest(data: Path, work: Path, held: str) -> Path:
    """Write the manifest that has ``held`` as its test, and the clips that it names."""
    rows = [*_real(data, work, held), *_synthetic(work)]
    path = work / f"without-{held}.jsonl"
    write_text(path, "\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def _real(data: Path, work: Path, held: str) -> Iterator[Row]:
    with zipfile.ZipFile(data) as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".wav")):
            stem = Path(name).stem
            digit, speaker, number = stem.split("_")
            part = "test" if speaker == held else "select" if int(number) < CHOSEN_BY else "train"
            for speed in SPEEDS if part == "select" else (1.0,):
                place = work / "clips" / (f"{stem}.wav" if speed == 1 else f"{stem}-{speed:g}.wav")
                if not place.is_file():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    _write(place, archive.read(name), speed)
                voice = speaker if speed == 1 else f"{speaker} at {speed:g}"
                yield {"audio": f"clips/{place.name}", "label": digit, "speaker": voice, "split": part}


def _write(place: Path, content: bytes, speed: float) -> None:
    """A recording as it is, or as a tape sounds that runs at another speed."""
    with wave.open(io.BytesIO(content)) as given, whole_file(place) as half, wave.open(str(half), "wb") as made:
        made.setparams(given.getparams())
        made.setframerate(round(given.getframerate() * speed))
        made.writeframes(given.readframes(given.getnframes()))


def _synthetic(work: Path) -> Iterator[Row]:
    synthesisers = Synthesisers(programs(download=True, progress=Progress()))
    digits = [utterance for utterance in made_by_formants() if utterance.word in DIGITS]
    clips = SpokenClips(digits, synthesisers, work / "clips")
    for place, utterance in enumerate(digits):
        clips.read(place)
        voice = f"{utterance.program} {utterance.voice}"
        label = str(DIGITS.index(utterance.word))
        yield {"audio": f"clips/{utterance.name}", "label": label, "speaker": voice, "split": "train"}


@torch.inference_mode()
def accuracy(model: torch.nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    batch = split.take(range(len(split)))
    assert batch.targets is not None
    return 100 * float((model.eval()(*batch.inputs).argmax(1) == batch.targets).numpy().mean())


def original(data: Path, weights: Path, seed: int) -> None:
    """Train the original on the training clips alone."""
    if weights.is_file():
        return
    torch.manual_seed(seed)
    workload = lissom.load(MODEL, data=data, task="speech", random_weights=True, seed=seed, **FEATURES)
    schedule = replace(TEACHING, seed=seed)
    module = workload.module.to(memory_format=torch.channels_last)
    kept = weights.with_suffix(".pt")
    model = train(module, workload.splits.train, supervised(workload.task), schedule, checkpoint=kept)
    print(f"original: {accuracy(model, workload.splits.select):.2f} % on select", flush=True)
    with whole_file(weights) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, temporary)
    kept.unlink(missing_ok=True)


def row(data: Path, work: Path, held: str, seed: int) -> dict[str, Any]:
    """The figures of one speaker and seed."""
    listed = manifest(data, work, held)
    clips = hashlib.sha256(listed.read_bytes()).hexdigest()[:8]  # other clips by name, another original
    weights = work / f"{held}-{seed}-{clips}.safetensors"
    original(listed, weights, seed)
    workload = lissom.load(MODEL, data=listed, task="speech", weights=weights, seed=seed, **FEATURES)
    run = lissom.compress(
        workload,
        budget=BUDGET,
        target="onnxruntime",
        output=work / f"run-{held}-{seed}-{clips}",
        options=Options(seed=seed, epochs=EPOCHS, multiple=4),
    )
    view = view_of(run.folder)
    verdict = view.verdict
    assert verdict is not None
    kept = [trial.move for trial in view.kept]
    return {
        "speaker": held,
        "seed": seed,
        "run": run.folder.name,
        "met": verdict.met,
        "moves": kept,
        "drop": verdict.drop,
        "drop_interval": list(verdict.drop_interval),
        "original": _figures(to_json(verdict.original)),
        "final": _figures(to_json(verdict.final)),
        "latency_ratio": verdict.latency_ratio,
        "bundle": stream_latency(run.bundle, work / "clips" / f"7_{held}_0.wav"),
    }


def _figures(figures: dict[str, Any]) -> dict[str, Any]:
    names = (
        "score",
        "score_interval",
        "latency_ms",
        "latency_interval_ms",
        "size_bytes",
        "parameters",
        "macs",
        "examples",
    )
    return {name: figures[name] for name in names}


def timed(row: dict[str, Any], work: Path) -> dict[str, Any]:
    """The row with its latencies measured anew: original and result in turn, on one thread, and a chunk of a stream."""
    folder = work / row["run"]
    models = {"original": folder / "work" / "original.onnx", "final": folder / "bundle" / "model.onnx"}
    with np.load(folder / "bundle" / "vectors.npz") as vectors:
        example = [vectors["input_0"][:1]]
    runners = {name: Runner(path) for name, path in models.items()}
    calls = {name: lambda runner=runner: runner.run(example) for name, runner in runners.items()}
    found = {name: median_interval(samples) for name, samples in interleaved(calls, seconds=4.0).items()}
    times = {
        name: {**row[name], "latency_ms": median, "latency_interval_ms": list(interval)}
        for name, (median, interval) in found.items()
    }
    ratio = found["final"][0] / found["original"][0]
    clip = work / "clips" / f"7_{row['speaker']}_0.wav"
    return row | times | {"latency_ratio": ratio, "bundle": stream_latency(folder / "bundle", clip)}


def stream_latency(bundle: Path, clip: Path) -> dict[str, Any]:
    """What the bundle's own predictor needs for a chunk of 100 ms, features and all."""
    command = [sys.executable, str(bundle / "predict.py"), "--stream", "--json", str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    return {"chunk_ms": last["chunk_ms"], "latency_ms": last["latency_ms"], "chunks": last["chunks"]}


def read() -> dict[str, Any]:
    """What was measured until now."""
    return {"rows": [], **known(RESULTS)}


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--speaker", choices=SPEAKERS, action="append")
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--time", action="store_true", help="time what is there once more")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    if options.time:
        for one in read()["rows"]:
            again = timed(one, options.work)
            with added(RESULTS) as results:
                results["rows"] = [again if item == one else item for item in results["rows"]]
        return
    for seed in options.seed or (0, 1, 2):
        for held in options.speaker or SPEAKERS:
            if any((one["speaker"], one["seed"]) == (held, seed) for one in read()["rows"]):
                continue
            found = row(options.data, options.work, held, seed)
            libraries = ("torch", "onnxruntime", "kaldi-native-fbank")
            with added(RESULTS) as results:
                results.setdefault("rows", []).append(found)
                results |= {
                    "machine": to_json(describe()),
                    "versions": {library: version(library) for library in libraries},
                    "budget": BUDGET,
                    "model": MODEL,
                    "features": FEATURES,
                    "epochs": {"original": TEACHING.epochs, "recovery": EPOCHS},
                }
            print(json.dumps(found), flush=True)
    print("drop", np.round([one["drop"] for one in read()["rows"]], 2).tolist())


if __name__ == "__main__":
    main()
