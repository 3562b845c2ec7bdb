"""Is this bundle what was handed over, and does it answer here as it did there? Needs numpy alone."""

import argparse
import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-3
_TIE, _NEAR = 1e-3, 1e-2  # of the largest output; as those who wrote the bundle have them
_MAPS = 4  # dimensions of outputs that are pictures


def read(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def altered():
    """The problems found with the files: missing, or not as they were written."""
    problems = []
    try:
        recorded = read("manifest.json")["sha256"].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"manifest.json cannot be read: {error}"]
    for name, expected in recorded:
        path = HERE / name
        try:
            if not path.is_file():
                problems.append(f"{name} is missing")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
                problems.append(f"{name} was altered")
        except OSError as error:
            problems.append(f"{name} cannot be read: {error.strerror}")
    return problems


def start(load, verify, as_json, check=list):
    """Load the model, after a check of everything where one is asked for; ends with 2 where something is wrong.

    ``check`` finds further problems, of what the test vectors do not ask.
    """
    problems, found = (altered() if verify else []), {}
    model = None
    if not problems:
        try:
            model = load()
        except Exception as error:  # every runtime has exceptions of its own
            sys.exit(tell(f"the bundle is damaged ({error}); predict.py --verify says where", as_json))
    if verify:
        if model is not None:
            try:
                problems, found = answered(model.runner)
            except Exception as error:  # likewise
                problems = [f"the test vectors cannot be answered: {error or type(error).__name__}"]
            try:
                problems += check()
            except Exception as error:  # likewise
                problems.append(str(error))
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
        parser.add_argument("--top", type=at_least_one, default=3, help="how many classes to print; 3 by default")
    parser.add_argument("--threads", type=threads, default=1, help="of the processor, at most its cores; 1 by default")
    parser.add_argument("--json", action="store_true", help="print JSON")


def at_least_one(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return int(text)


def threads(text):
    number, cores = at_least_one(text), os.cpu_count() or 1
    if number > cores:
        raise argparse.ArgumentTypeError(f"this machine has {cores} core{'s' * (cores > 1)}")
    return number


def tell(problem, as_json, **about):
    """Say what went wrong with what it is about: to people, and with JSON as an object too; gives the exit code."""
    if isinstance(problem, BrokenPipeError):
        raise problem  # nobody listens
    print(": ".join(map(str, (*about.values(), problem))), file=sys.stderr)
    if as_json:
        print(json.dumps({**about, "error": str(problem)}, ensure_ascii=False, default=str), flush=True)
    return 2


def run(main):
    """Run a predictor and end with its exit code; Ctrl-C, kill, and a reader that has seen enough, end it quietly."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # what is half written is removed
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # a path may have a name that is no text
    try:
        code = main()
        print(end="", flush=True)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 2
    sys.exit(code)


def lines_of(file):
    """The lines of a file, or of the input for -; separators of Unicode that a text may hold end none."""
    text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def check_text(text):
    """Refuse a text of the command line that nothing can be said to."""
    if not text.strip():
        raise ValueError("the text is empty")
    if any("\ud800" <= letter <= "\udfff" for letter in text):  # as Python has bytes that are no letter
        raise ValueError(f"the text {text[:60]!r} is not UTF-8")


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
    agree = int(_same(found, expected).sum())
    problems, difference = [], float("inf")
    if found.shape == expected.shape:
        difference = float(_apart(found, expected).max()) / _scale(expected)
    # another processor may round INT8 sums otherwise; the decisions have to stay. Tokens are decisions: none is near
    near = difference <= TOLERANCE and not np.issubdtype(expected.dtype, np.integer)
    if not near and agree < len(expected):
        problems.append(f"{len(expected) - agree} of {len(expected)} test vectors are answered otherwise")
    parity = float(_same(found, original).mean())
    told = difference if np.isfinite(difference) else None  # JSON has no other word for it
    return problems, {"vectors": len(expected), "agree": agree, "difference": told, "parity": parity}


def _same(found, expected):
    """Where all decisions of an example are the expected ones, ``(examples,)``; of numbers or maps: where all are near.

    Whole numbers are a text in tokens. A decision that was a tie is nobody's.
    """
    if found.shape != expected.shape:
        return np.zeros(len(expected), dtype=bool)
    if np.issubdtype(expected.dtype, np.integer):
        agree = found == expected
    elif expected.ndim in (1, _MAPS) or expected.shape[-1] == 1:
        agree = _apart(found, expected) <= _NEAR * _scale(expected)
    else:
        chosen = np.take_along_axis(expected, found.argmax(-1)[..., None], -1)[..., 0]
        agree = (expected.max(-1) - chosen <= _TIE * _scale(expected)) & ~np.isnan(found).any(-1)
    return agree.reshape(len(expected), -1).all(1)


def _apart(found, expected):
    return np.abs(found.astype(np.float64) - expected)


def _scale(expected):
    return float(np.abs(expected).max()) or 1.0
