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
from lissom.engine.asking import asked_for
from lissom.targets import TARGETS
from lissom.targets.parity import Parity, compare
from lissom.targets.target import Artefact, Runner, Target

_TOLERANCE, _NEAR = 1e-3, 1e-2  # of the largest output
_OUTER = "input_"


def check_bundles(bundles: Sequence[Path]) -> tuple[dict[str, list[str]], dict[str, Parity]]:
    """What is wrong with each bundle (altered files, test vectors that are answered otherwise), and its parity.

    Parity is with the PyTorch model that the artefact was made from, on the test vectors, on this machine.
    """
    problems = {str(bundle): _altered(bundle) for bundle in bundles}
    parity: dict[str, Parity] = {}
    for bundle in bundles:
        # what was altered may not load at all
        if not problems[str(bundle)]:
            problems[str(bundle)], parity[str(bundle)] = _answered(bundle)
    return problems, parity


def measure_bundles(bundles: Sequence[Path], threads: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Latency of each bundle on its first test vector, all of them in turn, by thread count."""
    rows: list[dict[str, Any]] = []
    for count in threads:
        calls = {str(bundle): _call(bundle, count) for bundle in bundles}
        for name, samples in interleaved(calls, seconds=seconds).items():
            median, interval = median_interval(samples)
            manifest, artefact = _manifest(Path(name)), _artefact(Path(name))
            example = [array[:1] for array in _vectors(Path(name))[0]]
            start = _target(Path(name)).start(artefact.path, example, threads=count)
            rows.append(
                {
                    "bundle": name,
                    "target": manifest["target"],
                    "precision": manifest["precision"],
                    "threads": count,
                    "batch": 1,
                    "size_bytes": artefact.size_bytes,
                    "peak_memory_bytes": start.peak_memory_bytes,
                    "first_answer_ms": start.first_answer_ms,
                    "latency_ms": median,
                    "latency_interval_ms": interval,
                    "latency_p95_ms": float(np.quantile(samples, 0.95)),
                    "samples": len(samples),
                }
            )
    return rows


def _call(bundle: Path, threads: int) -> Callable[[], object]:
    runner = _loaded(bundle, threads)
    example = [array[:1] for array in _vectors(bundle)[0]]
    return lambda: runner.run(example)


def _altered(bundle: Path) -> list[str]:
    found: list[str] = []
    for name, expected in _manifest(bundle)["sha256"].items():
        path = bundle / Path(name).name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif sha256(path) != expected:
            found.append(f"{name} was altered")
    return found


def _answered(bundle: Path) -> tuple[list[str], Parity]:
    inputs, expected, original = _vectors(bundle)
    outputs = _loaded(bundle, 1).run(inputs)[0]
    now, parity = compare(expected, outputs), compare(original, outputs)
    # another processor may round INT8 sums otherwise; the decisions have to stay, and numbers that decide nothing near
    decides = outputs.shape[-1] > 1 or np.issubdtype(outputs.dtype, np.integer)
    if now.distance > _TOLERANCE and (now.agreement < 1 or (not decides and now.distance > _NEAR)):
        return [f"test vectors are answered otherwise, by {now.distance:.1e} of the largest output"], parity
    return [], parity


def _manifest(bundle: Path) -> dict[str, Any]:
    path = bundle / "manifest.json"
    if not path.is_file():
        raise LissomError(f"{bundle} is not a bundle: it has no manifest.json", hint="a run's bundle is in RUN/bundle")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise LissomError(f"{path} is damaged", hint="copy the bundle again, or write it anew: lissom apply") from error
    if "artefact" not in manifest:
        raise LissomError(
            f"{bundle} was written by an older lissom", hint="write it anew: lissom apply RUN --budget LIMITS -o OTHER"
        )
    return manifest


def _target(bundle: Path) -> Target:
    return TARGETS.get(_manifest(bundle)["target"])()


def _artefact(bundle: Path) -> Artefact:
    manifest = _manifest(bundle)
    return _target(bundle).artefact(bundle / Path(manifest["artefact"]).name, manifest["precision"])


def _loaded(bundle: Path, threads: int) -> Runner:
    target = _target(bundle)
    target.check_usable()
    runner = target.load(_artefact(bundle).path, threads=threads)
    handling = json.loads((bundle / "handling.json").read_text(encoding="utf-8"))
    return asked_for(runner, handling["task"], handling)


def _vectors(bundle: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Inputs, what the artefact answered where it was made, and what the PyTorch model answered."""
    with np.load(bundle / "vectors.npz") as vectors:
        inputs = [vectors[name] for name in sorted(vectors) if name.startswith(_OUTER)]
        return inputs, vectors["outputs"], vectors["original"]
