"""Bundles checked and measured where they are."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lissom.core.errors import LissomError, first_line
from lissom.core.files import sha256
from lissom.core.statistics import median_interval
from lissom.core.timing import interleaved
from lissom.engine.asking import asked_for
from lissom.targets import TARGETS
from lissom.targets.parity import Parity, compare
from lissom.targets.target import Artefact, Runner, Target

_TOLERANCE = 1e-3  # of the largest output
_INPUT = "input_"
Value = TypeVar("Value")
_AGAIN = "copy the bundle again, or write it anew: lissom apply"


def check_bundles(bundles: Sequence[Path]) -> tuple[dict[str, list[str]], dict[str, Parity]]:
    """What is wrong with each bundle (altered files, test vectors that are answered otherwise), and its parity.

    Parity is with the PyTorch model that the artefact was made from, on the test vectors, on this machine. The verdict
    is that of the bundle's own ``predict.py --verify``.

    Raises:
        LissomError: one is no bundle, or is damaged where it does not tell by itself what it should hold.
    """
    problems = {str(bundle): _altered(bundle) for bundle in bundles}
    parity: dict[str, Parity] = {}
    for bundle in bundles:
        # what was altered may not load at all
        if not problems[str(bundle)]:
            problems[str(bundle)], found = _answered(bundle)
            parity |= {} if found is None else {str(bundle): found}
    return problems, parity


def measure_bundles(bundles: Sequence[Path], threads: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """Latency of each bundle on its first test vector, all of them in turn, by thread count.

    Raises:
        LissomError: one is no bundle, or is damaged.
    """
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


def _answered(bundle: Path) -> tuple[list[str], Parity | None]:
    inputs, expected, original = _vectors(bundle)
    runner = _loaded(bundle, 1)
    try:
        outputs = runner.run(inputs)[0]
    except Exception as error:  # every runtime has exceptions of its own
        return [f"the test vectors cannot be answered: {first_line(error)}"], None
    now, parity = compare(expected, outputs), compare(original, outputs)
    # another processor may round INT8 sums otherwise; the decisions have to stay. Tokens are decisions: none is near
    near = now.distance <= _TOLERANCE and not np.issubdtype(expected.dtype, np.integer)
    if not near and now.agreement < 1:
        return [f"test vectors are answered otherwise, by {now.distance:.1e} of the largest output"], parity
    return [], parity


def _manifest(bundle: Path) -> dict[str, Any]:
    path = bundle / "manifest.json"
    if not path.is_file():
        raise LissomError(f"{bundle} is not a bundle: it has no manifest.json", hint="a run's bundle is in RUN/bundle")
    manifest = _read(path, _json)
    if not isinstance(manifest.get("sha256"), dict):
        raise _damaged(path, "it has no sha256")
    if "artefact" not in manifest:
        raise LissomError(
            f"{bundle} was written by an older lissom", hint="write it anew: lissom apply RUN --budget LIMITS -o OTHER"
        )
    for name in ("artefact", "target", "precision"):
        if not isinstance(manifest.get(name), str):
            raise _damaged(path, f"it has no {name}")
    return manifest


def _target(bundle: Path) -> Target:
    return TARGETS.get(_manifest(bundle)["target"])()


def _artefact(bundle: Path) -> Artefact:
    manifest = _manifest(bundle)
    return _target(bundle).artefact(bundle / Path(manifest["artefact"]).name, manifest["precision"])


def _loaded(bundle: Path, threads: int) -> Runner:
    target = _target(bundle)
    target.check_usable()
    artefact, handling = _artefact(bundle), _read(bundle / "handling.json", _json)
    runner = _read(artefact.path, lambda path: target.load(path, threads=threads))
    return _read(bundle / "handling.json", lambda _path: asked_for(runner, handling["task"], handling))


def _vectors(bundle: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Inputs, what the artefact answered where it was made, and what the PyTorch model answered."""
    return _read(bundle / "vectors.npz", _arrays)


def _arrays(path: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as vectors:
        count = sum(name.startswith(_INPUT) for name in vectors)
        if not count:
            raise ValueError("it has no inputs")
        inputs = [vectors[f"{_INPUT}{number}"] for number in range(count)]
        return inputs, vectors["outputs"], vectors["original"]


def _json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    return found


def _read(path: Path, how: Callable[[Path], Value]) -> Value:
    """What ``how`` reads of a bundle's file, which may have been copied in part."""
    if not path.is_file():
        raise LissomError(f"{path} is missing", hint=_AGAIN)
    try:
        return how(path)
    except LissomError:
        raise
    except Exception as error:  # every runtime and every kind of file has exceptions of its own
        raise _damaged(path, first_line(error)) from error


def _damaged(path: Path, why: str) -> LissomError:
    return LissomError(f"{path} is damaged: {why}", hint=_AGAIN)
