"""INT8 that keeps the answers, and the fastest of all targets, measured.

    python benchmarks/quantization.py build WORK [NETWORK...]     make the artefacts of six networks (slow; goes on)
    python benchmarks/quantization.py time WORK NETWORK...        time them all in turn, one thread, batch 1
    python benchmarks/quantization.py quality WORK PHOTOS         EfficientNet-Lite0 on photos with labels.csv
    python benchmarks/quantization.py page                        write docs/targets.md from the results

Each part adds to results/quantization.json. The six networks have random weights, with BatchNorm re-estimated on the
inputs they are timed with: for speed alone.
"""

import csv
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from quantization_page import write_page
from quantization_peers import peers
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import drop_interval, median_interval, ratio_interval
from lissom.core.timing import interleaved
from lissom.targets import TARGETS
from lissom.targets.parity import check_parity
from lissom.targets.target import FP32, INT8, Artefact, Recipe, Source, Target

RESULTS = Path(__file__).parent / "results" / "quantization.json"
NETWORKS = (
    "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x1_0", "squeezenet1_1", "efficientnet_b0", "resnet18",
)  # fmt: skip
TRIED = ("onnxruntime", "openvino", "litert", "ncnn", "pytorch", "executorch", "inductor")
CALIBRATION, SECONDS = 32, 45.0
CALIBRATED = 100  # photos, the first by file name


def network(name: str) -> nn.Module:
    """A network of torchvision with random weights whose activations have the usual spread."""
    from torchvision import models

    torch.manual_seed(0)
    module = models.get_model(name, weights=None)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    if norms:
        module.train()
        with torch.no_grad():
            for seed in range(3):
                module(torch.from_numpy(drawn(8, seed)))
    return module.eval()


def drawn(count: int, seed: int) -> np.ndarray:
    """Smooth noise as pictures, ``(count, 3, 224, 224)``."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 8, 8, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(224, 224), mode="bilinear")
    return (1.5 * smooth + 0.3 * torch.randn(count, 3, 224, 224, generator=generator)).numpy()


def build(work: Path, names: list[str]) -> None:
    """Make what is not there yet; what cannot be made is written down with the reason."""
    for target_name in TRIED:
        target: Target = TARGETS.get(target_name)()
        for name in names or list(NETWORKS):
            folder = work / name
            folder.mkdir(parents=True, exist_ok=True)
            for precision in target.precisions:
                path = target.place(folder, f"{target_name}-{precision}")
                reason = path.with_suffix(".reason")
                if path.exists() or reason.exists():
                    continue
                start = time.monotonic()
                try:
                    _make(target, network(name), precision, path)
                except LissomError as error:
                    reason.write_text(error.message)
                print(f"{name} {target_name} {precision} {time.monotonic() - start:.0f} s", flush=True)


def _make(target: Target, module: nn.Module, precision: str, path: Path) -> None:
    example = (torch.from_numpy(drawn(1, 500)),)
    making = path.with_name(f"making-{path.name}")
    if precision == INT8:
        plain = target.artefact(target.place(path.parent, f"{target.name}-{FP32}"))
        calibration = [[drawn(1, 100 + seed)] for seed in range(CALIBRATION)]
        made = target.quantize(Source(module, example, plain), calibration, making)
    else:
        made = target.export(module, example, making, precision)
    check_parity(module, target, made, [drawn(4, 900)])
    for file in reversed(made.files):
        file.rename(path.with_suffix(file.suffix))


def measure(work: Path, names: list[str]) -> None:
    """Time all artefacts of a network in turn in one process."""
    example = [drawn(1, 500)]
    for name in names:
        calls: dict[str, Any] = {}
        artefacts: dict[str, tuple[Target, Artefact]] = {}
        missing: dict[str, str] = {}
        for target_name in TRIED:
            target: Target = TARGETS.get(target_name)()
            for precision in target.precisions:
                key, path = f"{target_name} {precision}", target.place(work / name, f"{target_name}-{precision}")
                if not path.exists():
                    reason = path.with_suffix(".reason")
                    missing[key] = reason.read_text() if reason.exists() else "not built"
                    continue
                runner = target.load(path, threads=1)
                artefacts[key] = (target, target.artefact(path, precision))
                calls[key] = lambda runner=runner: runner.run(example)
        samples = interleaved(calls, seconds=SECONDS)
        rows = {key: _row(samples, key, *artefacts[key], example) for key in calls}
        _add("speed", name, {"rows": rows, "missing": missing})
        print(name, {key: round(row["latency_ms"], 2) for key, row in rows.items()}, flush=True)


def _row(
    samples: dict[str, list[float]], key: str, target: Target, artefact: Artefact, example: list[np.ndarray]
) -> dict[str, Any]:
    median, interval = median_interval(samples[key])
    ratio, ratio_range = ratio_interval(samples[key], samples[f"onnxruntime {FP32}"])
    return {
        "latency_ms": median,
        "latency_interval_ms": interval,
        "of_onnxruntime_fp32": ratio,
        "of_onnxruntime_fp32_interval": ratio_range,
        "samples": len(samples[key]),
        "size_bytes": artefact.size_bytes,
        "peak_memory_bytes": target.peak_memory_bytes(artefact.path, example, threads=1),
        "fallbacks": target.fallbacks(artefact),
    }


@dataclass(frozen=True)
class Photos:
    """Inputs ``(photos, 3, 224, 224)`` and class numbers, in the order of file names."""

    inputs: np.ndarray
    labels: np.ndarray


def photos(folder: Path) -> Photos:
    """The photos of a folder with ``labels.csv``, as EfficientNet-Lite0 was trained to see them."""
    from PIL import Image

    from lissom.tasks.image.handling import Preprocessing

    prepare = Preprocessing((224, 224), resize=256, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bilinear")
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["file"])
    numbers = next(name for name in rows[0] if "index" in name)
    inputs = np.stack([prepare(Image.open(folder / row["file"])) for row in rows])
    return Photos(inputs, np.asarray([int(row[numbers]) for row in rows]))


def quality(work: Path, folder: Path) -> None:
    """Calibrate on the first photos, score on the others, beside the quantizers of ONNX Runtime and NNCF."""
    from lissom.workload.models import load_model

    seen, module = photos(folder), load_model("zoo:tf_efficientnet_lite0").module
    calibration, example = [[seen.inputs[:CALIBRATED]]], (torch.from_numpy(seen.inputs[:1]),)
    work.mkdir(parents=True, exist_ok=True)
    fp32 = work / "onnxruntime-fp32.onnx"
    for name in ("onnxruntime", "openvino"):
        target: Target = TARGETS.get(name)()
        plain = target.artefact(target.place(work, f"{name}-fp32"))
        if not plain.path.exists():
            target.export(module, example, plain.path)
        for recipe in (Recipe("minmax"), Recipe("mse", corrected=True)):
            path = target.place(work, f"{name}-{recipe.ranges}{'-corrected' if recipe.corrected else ''}")
            if not path.exists():
                print(f"{path.name} ...", flush=True)
                target.quantize(Source(module, example, plain), calibration, path, recipe)
    for label, target_name, make in peers(fp32, seen.inputs[:CALIBRATED]):
        target = TARGETS.get(target_name)()
        path = target.place(work, label)
        if not path.exists():
            print(f"{path.name} ...", flush=True)
            make(path)
    _add("quality", "efficientnet_lite0", _scores(work, seen))


def _scores(work: Path, seen: Photos) -> dict[str, Any]:
    labels, inputs = seen.labels[CALIBRATED:], seen.inputs[CALIBRATED:]
    before = _outputs("onnxruntime", work / "onnxruntime-fp32.onnx", inputs)
    right = (before.argmax(1) == labels).astype(float)
    rows: dict[str, Any] = {}
    for path in sorted(work.iterdir()):
        name = {".onnx": "onnxruntime", ".xml": "openvino"}.get(path.suffix)
        if name is None:
            continue
        after = _outputs(name, path, inputs)
        graded = (after.argmax(1) == labels).astype(float)
        drop, drop_range = drop_interval(right, graded, lambda grades: 100 * float(grades.mean()))
        size = TARGETS.get(name)().artefact(path).size_bytes
        rows[path.name] = {
            "target": name,
            "top1": 100 * float(graded.mean()),
            "drop": drop,
            "drop_interval": drop_range,
            "agreement": 100 * float((after.argmax(1) == before.argmax(1)).mean()),
            "divergence": _divergence(before, after),
            "size_share": size / (work / "onnxruntime-fp32.onnx").stat().st_size,
        }
        print(path.name, {key: value for key, value in rows[path.name].items() if key != "target"}, flush=True)
    return {"photos": len(labels), "calibrated": CALIBRATED, "rows": rows}


def _outputs(name: str, path: Path, inputs: np.ndarray) -> np.ndarray:
    runner = TARGETS.get(name)().load(path, threads=1)
    return np.concatenate([runner.run([inputs[start : start + 20]])[0] for start in range(0, len(inputs), 20)])


def _divergence(before: np.ndarray, after: np.ndarray) -> float:
    """The mean Kullback-Leibler divergence of the classes' probabilities from those before, in nats."""
    ours, theirs = (torch.log_softmax(torch.from_numpy(scores), 1) for scores in (after, before))
    return float((theirs.exp() * (theirs - ours)).sum(1).mean())


def _add(part: str, name: str, value: Any) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    results["machine"] = to_json(describe())
    results["versions"] = {key: TARGETS.get(key)().versions() for key in TRIED}
    results.setdefault(part, {})[name] = value
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    torch.set_num_threads(1)
    command, *words = sys.argv[1:]
    if command == "build":
        build(Path(words[0]), words[1:])
    elif command == "time":
        measure(Path(words[0]), words[1:] or list(NETWORKS))
    elif command == "quality":
        quality(Path(words[0]), Path(words[1]))
    else:
        write_page(json.loads(RESULTS.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
