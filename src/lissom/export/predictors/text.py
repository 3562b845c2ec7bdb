"""Classify texts with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py "a sentence"...   the likeliest classes, and how long it took (for pairs: two texts each)
python predict.py --file texts.txt  the same for each line of a file, pairs with a tab between; - reads from the input
python predict.py --verify          check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time

try:
    import numpy as np
    from checking import HERE, arguments, check_text, lines_of, read, run, start, tell
    from handling import TOKENIZER, Encoder, Encoding
    from runner import Runner
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1):
        self.handling = read("handling.json")
        self.encode = Encoder.of_file(HERE / TOKENIZER, Encoding.from_json(self.handling["encoding"]))
        self.runner = Runner(HERE / read("manifest.json")["artefact"], threads)

    def predict(self, texts, top):
        """The likeliest classes of one text or pair with their probabilities, or its number."""
        start = time.perf_counter()
        scores = self.runner.run(self.encode([texts]))[0][0].astype(np.float64)
        found = {"text": texts[0] if len(texts) == 1 else list(texts)}
        if self.handling["output"]["kind"] == "number":
            return {**found, "value": float(scores[0]), "latency_ms": (time.perf_counter() - start) * 1e3}
        took = (time.perf_counter() - start) * 1e3
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        names = self.handling.get("classes") or [str(number) for number in range(len(scores))]
        best = np.argsort(-shares, kind="stable")[:top]
        classes = [{"name": names[i], "index": int(i), "probability": float(shares[i])} for i in best]
        return {**found, "classes": classes, "latency_ms": took}


def given(options, size):
    """The inputs, each a tuple of ``size`` texts."""
    for first in range(0, len(options.texts), size):
        yield tuple(options.texts[first : first + size])
    if options.file:
        for line in lines_of(options.file):
            yield tuple(line.split("\t")) if size > 1 else (line,)


def shown(found):
    """One line for people."""
    text = found["text"] if isinstance(found["text"], str) else " | ".join(found["text"])
    text = text if len(text) <= 60 else text[:57] + "..."
    if "value" in found:
        return f"{text}: {found['value']:.3f}  ({found['latency_ms']:.2f} ms)"
    classes = ", ".join(f"{item['name']} {item['probability']:.1%}" for item in found["classes"])
    return f"{text}: {classes}  ({found['latency_ms']:.2f} ms)"


def main():
    parser = argparse.ArgumentParser(description="Classify texts without PyTorch.")
    parser.add_argument("texts", nargs="*", metavar="TEXT")
    parser.add_argument("--file", help="a file with a text in each line, or - for the input")
    arguments(parser)
    options = parser.parse_args()
    if not options.texts and not options.file and not options.verify:
        parser.error("give a TEXT, --file, or --verify")
    model = start(lambda: Model(options.threads), options.verify, options.json)
    try:
        for text in options.texts:
            check_text(text)
        for texts in given(options, model.encode.encoding.texts):
            found = model.predict(texts, options.top)
            print(json.dumps(found, ensure_ascii=False) if options.json else shown(found))
    except (OSError, ValueError) as error:
        return tell(error, options.json)
    return 0


if __name__ == "__main__":
    run(main)
