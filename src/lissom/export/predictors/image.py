"""Classify pictures with the model beside this file. Needs numpy, Pillow and onnxruntime; nothing else.

python predict.py PICTURE...        the likeliest classes, and how long it took
python predict.py --verify          check the files' hashes and answer the test vectors
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from handling import Preprocessing
from PIL import Image

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-3


def read(name):
    return json.loads((HERE / name).read_text(encoding="utf-8"))


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1):
        self.handling = read("handling.json")
        self.preprocess = Preprocessing.from_json(self.handling["preprocessing"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        model = (HERE / "model.onnx").read_bytes()
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def scores(self, batch):
        """Outputs of inputs ``(batch, channels, height, width)``."""
        return self.session.run(None, {self.input: batch})[0]

    def predict(self, path, top):
        """The likeliest classes of one picture with their probabilities."""
        with Image.open(path) as picture:
            batch = self.preprocess(picture)[None]
        start = time.perf_counter()
        scores = self.scores(batch)[0].astype(np.float64)
        took = (time.perf_counter() - start) * 1e3
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        names = self.handling.get("classes") or [str(number) for number in range(len(scores))]
        best = np.argsort(-shares, kind="stable")[:top]
        return {
            "file": str(path),
            "classes": [{"name": names[i], "index": int(i), "probability": float(shares[i])} for i in best],
            "latency_ms": took,
        }


def altered():
    """The problems found with the files: missing, or not as they were written."""
    problems = []
    for name, expected in read("manifest.json")["sha256"].items():
        path = HERE / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != expected:
            problems.append(f"{name} was altered")
    return problems


def verify(model):
    """The problems found with the answers: those that differ from the ones recorded."""
    problems = []
    with np.load(HERE / "vectors.npz") as vectors:
        inputs, expected = vectors["inputs"], vectors["outputs"]
    found = model.scores(inputs)
    scale = float(np.abs(expected).max()) or 1.0
    difference = float(np.abs(found - expected).max()) / scale
    agree = int((found.argmax(1) == expected.argmax(1)).sum())
    # another processor may round INT8 sums otherwise; the decisions have to stay
    if difference > TOLERANCE and agree < len(expected):
        problems.append(f"{len(expected) - agree} of {len(expected)} test vectors are answered otherwise")
    return problems, {"vectors": len(expected), "agree": agree, "difference": difference}


def main():
    parser = argparse.ArgumentParser(description="Classify pictures without PyTorch.")
    parser.add_argument("pictures", nargs="*", metavar="PICTURE")
    parser.add_argument("--verify", action="store_true", help="check hashes and test vectors")
    parser.add_argument("--top", type=int, default=3, help="how many classes to print")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if not options.pictures and not options.verify:
        parser.error("give a PICTURE, or --verify")
    problems, found = (altered() if options.verify else []), {}
    model = None if problems else Model(options.threads)
    if options.verify:
        if model is not None:
            problems, found = verify(model)
        if options.json:
            print(json.dumps({"ok": not problems, "problems": problems, **found}))
        else:
            print("\n".join(problems) or f"ok: {found['agree']} of {found['vectors']} test vectors agree")
        if problems:
            return 2
    for path in options.pictures:
        try:
            found = model.predict(path, options.top)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
            print(f"{path} is not a picture that can be read: {error}", file=sys.stderr)
            return 2
        if options.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            classes = ", ".join(f"{item['name']} {item['probability']:.1%}" for item in found["classes"])
            print(f"{path}: {classes}  ({found['latency_ms']:.2f} ms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
