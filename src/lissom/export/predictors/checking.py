"""Is this bundle what was handed over, and does it answer here as it did there? Needs numpy alone."""

import hashlib
import json
import sys
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


def start(load, verify, as_json):
    """Load the model, after a check of everything where one is asked for; ends with 2 where something is wrong."""
    problems, found = (altered() if verify else []), {}
    model = None
    if not problems:
        try:
            model = load()
        except Exception as error:  # every runtime has exceptions of its own
            print(f"the bundle is damaged ({error}); predict.py --verify says where", file=sys.stderr)
            sys.exit(2)
    if verify:
        if model is not None:
            problems, found = answered(model.runner)
        if as_json:
            print(json.dumps({"ok": not problems, "problems": problems, **found}))
        else:
            print("\n".join(problems) or f"ok: {found['agree']} of {found['vectors']} test vectors agree")
        if problems:
            sys.exit(2)
    return model


def arguments(parser, classes=True):
    """The options that all predictors have; of those that tell classes, how many."""
    parser.add_argument("--verify", action="store_true", help="check hashes and test vectors")
    if classes:
        parser.add_argument("--top", type=at_least_one, default=3, help="how many classes to print")
    parser.add_argument("--threads", type=at_least_one, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")


def at_least_one(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def lines_of(file):
    """The lines of a file, or of the input for -; separators of Unicode that a text may hold end none."""
    text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def answered(runner):
    """The problems found with the answers to the test vectors, and what was found.

    ``agree`` of the ``vectors`` have the answer that was recorded; ``difference`` is relative to the largest output;
    ``parity`` is the share of decisions that are those of the PyTorch model that the artefact was made from.
    """
    with np.load(HERE / "vectors.npz") as vectors:
        count = sum(name.startswith("input_") for name in vectors)
        inputs = [vectors[f"input_{number}"] for number in range(count)]
        expected, original = vectors["outputs"], vectors["original"]
    found = runner.run(inputs)[0]
    scale = float(np.abs(expected).max()) or 1.0
    difference = float(np.abs(found - expected).max()) / scale
    agree = int(_same(found, expected).sum())
    problems = []
    # another processor may round INT8 sums otherwise; the decisions have to stay. Tokens are decisions: none is near
    near = difference <= TOLERANCE and not np.issubdtype(expected.dtype, np.integer)
    if not near and agree < len(expected):
        problems.append(f"{len(expected) - agree} of {len(expected)} test vectors are answered otherwise")
    parity = float(_same(found, original).mean())
    return problems, {"vectors": len(expected), "agree": agree, "difference": difference, "parity": parity}


def _same(found, expected):
    """Where all decisions of an example are the expected ones, ``(examples,)``; of a number: where it is near.

    Whole numbers are a text in tokens.
    """
    if np.issubdtype(expected.dtype, np.integer):
        return (found == expected).all(-1)
    if expected.shape[-1] == 1:
        near = np.abs(found - expected) <= 10 * TOLERANCE * max(float(np.abs(expected).max()), 1e-9)
        return near.reshape(len(found), -1).all(1)
    return (found.argmax(-1) == expected.argmax(-1)).reshape(len(found), -1).all(1)
