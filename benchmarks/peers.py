"""lissom beside what one would use in its place: the same trained model, data, runtime, time and number of cuts.

    python benchmarks/peers.py make WORK SECONDS SUBJECT...   all candidates, in WORK/peers; three quiet hours in all
    python benchmarks/peers.py time WORK SUBJECT...           their scores and latencies, on a quiet machine
    python benchmarks/peers_page.py                           docs/peers.md

WORK is the folder that pruning.py works in; subjects are sample, resnet20 and mobilenet_v2. Everything runs on one
thread. Each pipeline may use SECONDS. Results go to results/peers.json.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from adding import added
from peers_pipelines import PIPELINES, lines
from pruning import artefact_accuracy
from rewrites import unflattered

from lissom.core.files import write_json
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import ratio_interval
from lissom.core.timing import interleaved
from lissom.targets import TARGETS

RESULTS = Path(__file__).parent / "results" / "peers.json"
TIMED_S = 90.0


def make(work: Path, seconds: float, name: str) -> None:
    """Every pipeline that is not known yet."""
    workload = unflattered(name, work)
    for pipeline, run in PIPELINES.items():
        folder = work / "peers" / name / pipeline
        if (folder / "took.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        start, busy = time.perf_counter(), time.process_time()
        run(workload, folder, seconds, name)
        took = {"wall_s": time.perf_counter() - start, "processor_s": time.process_time() - busy, "given_s": seconds}
        write_json(folder / "took.json", {**took, "lines": lines(pipeline)})
        print(name, pipeline, took, flush=True)


def measure(work: Path, name: str) -> None:
    """Scores of all candidates on the select and the test split, and all latencies in turn."""
    workload, target = unflattered(name, work), TARGETS.get("onnxruntime")()
    place = work / "peers" / name
    original = place / "original.onnx"
    target.export(workload.module, workload.example, original)
    files = [original, *sorted(place.glob("*/*.onnx"))]
    runners = {str(file.relative_to(place)): target.load(file, threads=1) for file in files}
    example = [tensor.numpy() for tensor in workload.example]
    samples = interleaved({key: lambda r=r: r.run(example) for key, r in runners.items()}, seconds=TIMED_S)
    rows: dict[str, Any] = {}
    for file, (key, runner) in zip(files, runners.items(), strict=True):
        share, interval = ratio_interval(samples[key], samples["original.onnx"])
        rows[key] = {
            "select": artefact_accuracy(runner, workload.splits.select),
            "test": artefact_accuracy(runner, workload.splits.test),
            "latency": share,
            "latency_interval": list(interval),
            "latency_ms": float(np.median(samples[key])),
            "n": len(samples[key]),
            "size_bytes": file.stat().st_size,
        }
        print(name, key, rows[key], flush=True)
    took = {pipeline: json.loads((place / pipeline / "took.json").read_text()) for pipeline in PIPELINES}
    with added(RESULTS) as results:
        results["machine"] = to_json(describe())
        results.setdefault("subjects", {})[name] = {"rows": rows, "took": took}


def main() -> None:
    """Make, or measure."""
    command, work, *words = sys.argv[1:]
    if command == "make":
        for name in words[1:]:
            make(Path(work), float(words[0]), name)
    else:
        for name in words:
            measure(Path(work), name)


if __name__ == "__main__":
    main()
