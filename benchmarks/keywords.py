"""Spoken digits by a speaker who was never heard: DS-CNN-S and what is left of it, for results/keywords.json.

    python benchmarks/keywords.py spoken-digits.zip WORK [--speaker NAME] [--seed N]

The zip holds recordings DIGIT_SPEAKER_NUMBER.wav of four speakers. Each speaker in turn is the test; of the other three
every eighth recording is the select split, and what is left is learnt from, by the original too. Rows are kept as they
are made; what is there is not made again.
"""

import argparse
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import lissom
from lissom.core.files import whole_file, write_json
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.engine.options import Options
from lissom.report.view import read as view_of
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split

RESULTS = Path(__file__).parent / "results" / "keywords.json"
SPEAKERS = ("george", "jackson", "lucas", "nicolas")
MODEL = "zoo:ds_cnn_s"
BUDGET = "size<=25KB, latency<=1ms, drop<=1pt"
FEATURES = {"rate": 8000, "bands": 20, "window_ms": 40.0, "hop_ms": 20.0}  # close to those of the model's paper
TEACHING = Schedule(epochs=24, rate=4e-3, batch=64, weight_decay=2e-2)
EVERY = 8
EPOCHS = 12  # of each recovery: fixed, so that a busy machine gives the same figures


def manifest(data: Path, work: Path, held: str) -> Path:
    """Unpack the recordings and write the manifest that has ``held`` as its test."""
    with zipfile.ZipFile(data) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
        rows: list[dict[str, str]] = []
        for name in names:
            file = Path(name).name
            digit, speaker, number = file.removesuffix(".wav").split("_")
            place = work / "clips" / file
            if not place.is_file():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.read(name))
            part = "test" if speaker == held else "select" if int(number) % EVERY == 0 else "train"
            rows.append({"audio": f"clips/{file}", "label": digit, "speaker": speaker, "split": part})
    path = work / f"without-{held}.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    return path


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
    model = train(workload.module, workload.splits.train, supervised(workload.task), schedule)
    print(f"original: {accuracy(model, workload.splits.select):.2f} % on select", flush=True)
    with whole_file(weights) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, temporary)


def row(data: Path, work: Path, held: str, seed: int) -> dict[str, Any]:
    """The figures of one speaker and seed."""
    listed, weights = manifest(data, work, held), work / f"{held}-{seed}.safetensors"
    original(listed, weights, seed)
    workload = lissom.load(MODEL, data=listed, task="speech", weights=weights, seed=seed, **FEATURES)
    run = lissom.compress(
        workload,
        budget=BUDGET,
        target="onnxruntime",
        output=work / f"run-{held}-{seed}",
        options=Options(seed=seed, epochs=EPOCHS, multiple=4),
    )
    view = view_of(run.folder)
    verdict = view.verdict
    assert verdict is not None
    kept = [trial.move for trial in view.kept]
    return {
        "speaker": held,
        "seed": seed,
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


def stream_latency(bundle: Path, clip: Path) -> dict[str, Any]:
    """What the bundle's own predictor needs for a chunk of 100 ms, features and all."""
    command = [sys.executable, str(bundle / "predict.py"), "--stream", "--json", str(clip)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    return {"chunk_ms": last["chunk_ms"], "latency_ms": last["latency_ms"], "chunks": last["chunks"]}


def read() -> dict[str, Any]:
    """What was measured until now."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {"rows": []}


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--speaker", choices=SPEAKERS, action="append")
    parser.add_argument("--seed", type=int, action="append")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    for seed in options.seed or (0,):
        for held in options.speaker or SPEAKERS:
            if any((one["speaker"], one["seed"]) == (held, seed) for one in read()["rows"]):
                continue
            found = row(options.data, options.work, held, seed)
            result = read()
            result["rows"].append(found)
            libraries = ("torch", "onnxruntime", "kaldi-native-fbank")
            result |= {
                "machine": to_json(describe()),
                "versions": {library: version(library) for library in libraries},
                "budget": BUDGET,
                "model": MODEL,
                "features": FEATURES,
                "epochs": {"original": TEACHING.epochs, "recovery": EPOCHS},
            }
            write_json(RESULTS, result)
            print(json.dumps(found), flush=True)
    print("drop", np.round([one["drop"] for one in read()["rows"]], 2).tolist())


if __name__ == "__main__":
    main()
