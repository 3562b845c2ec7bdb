"""Classify pictures with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py PICTURE...        the likeliest classes, and how long it took
python predict.py --verify          check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time

import numpy as np
from checking import HERE, altered, answered, read
from handling import Preprocessing
from PIL import Image
from runner import Runner


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1):
        self.handling = read("handling.json")
        self.preprocess = Preprocessing.from_json(self.handling["preprocessing"])
        self.runner = Runner(HERE / read("manifest.json")["artefact"], threads)

    def predict(self, path, top):
        """The likeliest classes of one picture with their probabilities."""
        with Image.open(path) as picture:
            batch = self.preprocess(picture)[None]
        start = time.perf_counter()
        scores = self.runner.run([batch])[0][0].astype(np.float64)
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


def main():
    parser = argparse.ArgumentParser(description="Classify pictures without PyTorch.")
    parser.add_argument("pictures", nargs="*", metavar="PICTURE")
    parser.add_argument("--verify", action="store_true", help="check hashes and test vectors")
    parser.add_argument("--top", type=int, default=3, help="how many classes to print")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.top < 1 or options.threads < 1:
        parser.error("--top and --threads start at 1")
    if not options.pictures and not options.verify:
        parser.error("give a PICTURE, or --verify")
    problems, found = (altered() if options.verify else []), {}
    try:
        model = None if problems else Model(options.threads)
    except Exception as error:  # every runtime has exceptions of its own
        print(f"the bundle is damaged ({error}); predict.py --verify says where", file=sys.stderr)
        return 2
    if options.verify:
        if model is not None:
            problems, found = answered(model.runner)
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
