"""INT8 that keeps the answers, and the fastest of all targets, measured.

    python benchmarks/quantization.py build WORK [NETWORK...]     make the artefacts of six networks (slow; goes on)
    python benchmarks/quantization.py time WORK NETWORK...        time them all in turn, one thread, batch 1
    python benchmarks/avx2_only.py benchmarks/quantization.py time WORK NETWORK...     as without AVX-512, VNNI and AMX
    python benchmarks/quantization.py look WORK NETWORK...        their sizes, memory, first answers and fallbacks
    python benchmarks/quantization.py quality WORK PHOTOS         EfficientNet-Lite0 on photos with labels.csv
    python benchmarks/quantization.py cifar10 WORK DATA           two networks on CIFAR-10: DATA holds it and weights
    python benchmarks/quantization.py page                        write docs/targets.md from the results

Each part adds to results/quantization.json. The six networks have random weights, with BatchNorm re-estimated on the
inputs they are timed with: for speed alone.
"""

import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from adding import added, known
from avx2_only import hidden
from quantization_page import write_page
from quantization_scores import cifar10, photos, score
from torch import nn

from lissom.core.errors import LissomError
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import median_interval, ratio_interval
from lissom.engine.fastest import one_round, settle
from lissom.targets import TARGETS
from lissom.targets.parity import check_parity
from lissom.targets.target import FP32, INT8, Source, Target

RESULTS = Path(__file__).parent / "results" / "quantization.json"
NETWORKS = (
    "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x1_0", "squeezenet1_1", "efficientnet_b0", "resnet18",
)  # fmt: skip
TRIED = ("onnxruntime", "openvino", "litert", "ncnn", "pytorch", "executorch", "inductor")
CALIBRATION, SECONDS, ROUNDS, CHOICE_SECONDS = 32, 45.0, 4, 0.5
STARTS = 3  # of which the middle one counts
COMPILED_HERE = ("inductor",)  # its code holds the instructions of the machine that made it


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
    """Let the product choose among all artefacts of a network, then time them all anew, in turn in one process."""
    example = [drawn(1, 500)]
    for name in names:
        loads, missing = {}, {}
        for key, target, path in _places(work / name):
            if hidden() and target.name in COMPILED_HERE:
                continue
            if path.exists():
                loads[key] = lambda target=target, path=path: target.load(path, threads=1)
            else:
                reason = path.with_suffix(".reason")
                missing[key] = reason.read_text() if reason.exists() else "not built"
        first = one_round(loads, example, seconds=CHOICE_SECONDS)
        chosen = settle(loads, example, first, seconds=CHOICE_SECONDS)
        samples: dict[str, list[float]] = {key: [] for key in loads}
        for number in range(ROUNDS):  # loaded anew each time: where a network comes to lie in memory counts
            for key, values in one_round(
                loads, example, seconds=SECONDS / ROUNDS / len(loads), seed=100 + number
            ).items():
                samples[key] += values
        rows = {key: _row(samples, key) for key in loads}
        fastest = min(rows, key=lambda key: rows[key]["latency_ms"])
        ratio, ratio_range = ratio_interval(samples[chosen], samples[fastest])
        found = {
            "chosen": chosen,
            "chosen_by": len(first[chosen]),
            "of_fastest": ratio,
            "of_fastest_interval": ratio_range,
            "rows": rows,
            "missing": missing,
        }
        _add("speed with AVX2 alone" if hidden() else "speed", name, found)
        print(name, chosen, f"{ratio:.3f}", {key: round(row["latency_ms"], 2) for key, row in rows.items()}, flush=True)


def _places(folder: Path) -> Iterator[tuple[str, Target, Path]]:
    """Every target in every precision: a key, the target, and where its artefact lies."""
    for target_name in TRIED:
        target: Target = TARGETS.get(target_name)()
        for precision in target.precisions:
            yield f"{target_name} {precision}", target, target.place(folder, f"{target_name}-{precision}")


def _row(samples: dict[str, list[float]], key: str) -> dict[str, Any]:
    median, interval = median_interval(samples[key])
    ratio, ratio_range = ratio_interval(samples[key], samples[f"onnxruntime {FP32}"])
    return {
        "latency_ms": median,
        "latency_interval_ms": interval,
        "of_onnxruntime_fp32": ratio,
        "of_onnxruntime_fp32_interval": ratio_range,
        "samples": len(samples[key]),
    }


def look(work: Path, names: list[str]) -> None:
    """Add to what was timed its size, its memory, and the operators that fell back."""
    example = [drawn(1, 500)]
    for name in names:
        found = known(RESULTS)["speed"][name]
        for key, target, path in _places(work / name):
            if key in found["rows"]:
                artefact = target.artefact(path, key.rpartition(" ")[2])
                starts = [target.start(path, example, threads=1) for _ in range(STARTS)]
                found["rows"][key] |= {
                    "size_bytes": artefact.size_bytes,
                    "peak_memory_bytes": statistics.median(start.peak_memory_bytes for start in starts),
                    "first_answer_ms": statistics.median(start.first_answer_ms for start in starts),
                    "fallbacks": target.fallbacks(artefact),
                }
        _add("speed", name, found)
        print(name, flush=True)


def _add(part: str, name: str, value: Any) -> None:
    versions = {key: TARGETS.get(key)().versions() for key in TRIED}
    with added(RESULTS) as results:
        results["versions"] = versions
        results.setdefault(part, {})[name] = {**value, "machine": to_json(describe())}


def main() -> None:
    torch.set_num_threads(1)
    command, *words = sys.argv[1:]
    if command == "build":
        build(Path(words[0]), words[1:])
    elif command == "time":
        measure(Path(words[0]), words[1:] or list(NETWORKS))
    elif command == "look":
        look(Path(words[0]), words[1:] or list(NETWORKS))
    elif command == "quality":
        _add("quality", "efficientnet_lite0", score(Path(words[0]), photos(Path(words[1]))))
    elif command == "cifar10":
        for name in ("resnet20", "mobilenet_v2"):
            _add("quality", f"{name} on CIFAR-10", score(Path(words[0]) / name, cifar10(name, Path(words[1]))))
    else:
        write_page(known(RESULTS))


if __name__ == "__main__":
    main()
