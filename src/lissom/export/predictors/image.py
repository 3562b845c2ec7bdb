"""Classify pictures with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py PICTURE...        the likeliest classes, and how long it took
python predict.py --verify          check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time

try:
    import numpy as np
    from checking import HERE, arguments, read, run, start, tell
    from handling import Preprocessing
    from PIL import Image
    from runner import Runner
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)


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
    arguments(parser)
    options = parser.parse_args()
    if not options.pictures and not options.verify:
        parser.error("give a PICTURE, or --verify")
    model = start(lambda: Model(options.threads), options.verify, options.json)
    code = 0
    for path in options.pictures:
        try:
            found = model.predict(path, options.top)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # what Pillow raises
            code = tell(f"it is not a picture that can be read: {error}", options.json, file=path)
            continue
        if options.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            classes = ", ".join(f"{item['name']} {item['probability']:.1%}" for item in found["classes"])
            print(f"{path}: {classes}  ({found['latency_ms']:.2f} ms)")
    return code


if __name__ == "__main__":
    run(main)
