"""Is this bundle what was handed over, and does it answer here as it did there? Needs numpy alone."""

import hashlib
import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-3


def read(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def altered():
    """The problems found with the files: missing, or not as they were written."""
    problems = []
    try:
        recorded = read("manifest.json")["sha256"]
    except (OSError, ValueError, KeyError) as error:
        return [f"manifest.json cannot be read: {error}"]
    for name, expected in recorded.items():
        path = HERE / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            problems.append(f"{name} was altered")
    return problems


def answered(runner):
    """The problems found with the answers to the test vectors, and what was found.

    ``agree`` of the ``vectors`` have the answer that was recorded; ``difference`` is relative to the largest output;
    ``parity`` is the share of decisions that are those of the PyTorch model that the artefact was made from.
    """
    with np.load(HERE / "vectors.npz") as vectors:
        inputs = [vectors[name] for name in sorted(vectors) if name.startswith("input_")]
        expected, original = vectors["outputs"], vectors["original"]
    found = runner.run(inputs)[0]
    scale = float(np.abs(expected).max()) or 1.0
    difference = float(np.abs(found - expected).max()) / scale
    agree = int(_same(found, expected).sum())
    problems = []
    # another processor may round INT8 sums otherwise; the decisions have to stay
    if not difference <= TOLERANCE and agree < len(expected):
        problems.append(f"{len(expected) - agree} of {len(expected)} test vectors are answered otherwise")
    parity = float(_same(found, original).mean())
    return problems, {"vectors": len(expected), "agree": agree, "difference": difference, "parity": parity}


def _same(found, expected):
    """Where all decisions of an example are the expected ones, ``(examples,)``."""
    return (found.argmax(-1) == expected.argmax(-1)).reshape(len(found), -1).all(1)
