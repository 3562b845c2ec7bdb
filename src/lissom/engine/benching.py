"""Bundles checked and measured where they are."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.files import sha256
from lissom.core.statistics import median_interval
from lissom.core.timing import interleaved
from lissom.targets import TARGETS
from lissom.targets.target import Target

_TOLERANCE = 1e-3


def check_bundles(bundles: Sequence[Path]) -> dict[str, list[str]]:
    """What is wrong with each bundle: altered files, test vectors that are answered otherwise."""
    return {str(bundle): _problems(bundle) for bundle in bundles}


def measure_bundles(bundles: Sequence[Path], threads: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Latency of each bundle on its first test vector, all of them in turn, by thread count."""
    rows: list[dict[str, Any]] = []
    for count in threads:
        calls = {str(bundle): _call(bundle, count) for bundle in bundles}
        for name, samples in interleaved(calls, seconds=seconds).items():
            median, interval = median_interval(samples)
            rows.append(
                {
                    "bundle": name,
                    "threads": count,
                    "size_bytes": (Path(name) / "model.onnx").stat().st_size,
                    "latency_ms": median,
                    "latency_interval_ms": interval,
                    "latency_p95_ms": float(np.quantile(samples, 0.95)),
                    "samples": len(samples),
                }
            )
    return rows


def _call(bundle: Path, threads: int) -> Callable[[], object]:
    runner = _target(bundle).load(bundle / "model.onnx", threads=threads)
    example = _vectors(bundle)[0][:1]
    return lambda: runner.run([example])


def _problems(bundle: Path) -> list[str]:
    manifest = _manifest(bundle)
    found: list[str] = []
    for name, expected in manifest["sha256"].items():
        path = bundle / Path(name).name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif sha256(path) != expected:
            found.append(f"{name} was altered")
    if any(name in problem for problem in found for name in ("model.onnx", "vectors.npz")):
        return found
    inputs, expected = _vectors(bundle)
    outputs = _target(bundle).load(bundle / "model.onnx", threads=1).run([inputs])[0]
    difference = float(np.abs(outputs - expected).max()) / (float(np.abs(expected).max()) or 1.0)
    if difference > _TOLERANCE:
        found.append(f"test vectors are answered otherwise, by {difference:.1e} of the largest output")
    return found


def _manifest(bundle: Path) -> dict[str, Any]:
    path = bundle / "manifest.json"
    if not path.is_file():
        raise LissomError(f"{bundle} is not a bundle: it has no manifest.json", hint="a run's bundle is in RUN/bundle")
    return json.loads(path.read_text(encoding="utf-8"))


def _target(bundle: Path) -> Target:
    return TARGETS.get(_manifest(bundle)["target"])()


def _vectors(bundle: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(bundle / "vectors.npz") as vectors:
        return vectors["inputs"], vectors["outputs"]
