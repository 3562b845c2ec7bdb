"""Write down what is said in recordings of any length, without PyTorch. requirements.txt says what it needs.

python predict.py RECORDING.wav...      what is said, window by window, and how long it took
python predict.py --beams 4 FILE.wav    follow four alternatives at a time
python predict.py --verify              check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from checking import HERE, altered, at_least_one, read
from generating import Rules, beam_search, greedy
from handling import remarks
from log_mel import LogMel
from runner import PairRunner
from tokenizers import Tokenizer
from windows import windows


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1, beams=1):
        handling = read("handling.json")
        self.features, self.rules = LogMel.from_json(handling["features"]), Rules.from_json(handling["rules"])
        self.runner, self.beams = PairRunner(HERE, threads), beams
        self.words = Tokenizer.from_file(str(HERE / "tokenizer.json"))

    def tokens(self, samples):
        """What is said in a window of sound, as tokens."""
        decoding = self.runner.start([self.features(samples)[None]], self.beams)
        if self.beams == 1:
            return greedy(decoding, 1, self.rules)[0]
        return beam_search(decoding, 1, self.rules, self.beams)[0]

    def parts(self, path):
        """Each window of a recording: when it begins, what is said in it, remarks, and milliseconds."""
        for start, samples in windows(Path(path), self.features):
            begun, noted = time.perf_counter(), remarks(samples)
            text = "" if noted == ["silence"] else self.words.decode(self.tokens(samples)).strip()
            took = (time.perf_counter() - begun) * 1e3
            yield {"at_s": round(start, 2), "text": text, "remarks": noted, "latency_ms": took}


def verified(model):
    """The problems found with the answers to the test vectors, and what was found."""
    with np.load(HERE / "vectors.npz") as vectors:
        count = sum(name.startswith("sound_") for name in vectors)
        given = [(vectors[f"sound_{n}"], vectors[f"tokens_{n}"], vectors[f"original_{n}"]) for n in range(count)]
    said = [model.tokens(sound.astype(np.float32) / 32767) for sound, _, _ in given]
    agree = sum(found == tokens.tolist() for found, (_, tokens, _) in zip(said, given, strict=True))
    parity = sum(found == original.tolist() for found, (_, _, original) in zip(said, given, strict=True)) / max(
        count, 1
    )
    problems = [] if agree == count else [f"{count - agree} of {count} test vectors are answered otherwise"]
    return problems, {"vectors": count, "agree": agree, "parity": parity}


def started(options):
    """The model, after a check where one is asked for; ends with 2 where something is wrong."""
    problems, found, model = (altered() if options.verify else []), {}, None
    if not problems:
        try:
            model = Model(options.threads, 1 if options.verify and not options.recordings else options.beams)
            if options.verify:
                problems, found = verified(model)
        except Exception as error:  # every runtime has exceptions of its own
            print(f"the bundle is damaged ({error}); predict.py --verify says where", file=sys.stderr)
            sys.exit(2)
    if options.verify:
        if options.json:
            print(json.dumps({"ok": not problems, "problems": problems, **found}))
        else:
            print("\n".join(problems) or f"ok: {found['agree']} of {found['vectors']} test vectors agree")
        if problems:
            sys.exit(2)
    return model


def main():
    parser = argparse.ArgumentParser(description="Write down what is said, without PyTorch.")
    parser.add_argument("recordings", nargs="*", metavar="RECORDING")
    parser.add_argument("--beams", type=at_least_one, default=1, help="alternatives that are followed at a time")
    parser.add_argument("--verify", action="store_true", help="check hashes and test vectors")
    parser.add_argument("--threads", type=at_least_one, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON, a line for each window")
    options = parser.parse_args()
    if not options.recordings and not options.verify:
        parser.error("give a RECORDING, or --verify")
    model = started(options)
    for path in options.recordings:
        try:
            for part in model.parts(path):
                if options.json:
                    print(json.dumps({"file": path, **part}, ensure_ascii=False), flush=True)
                else:
                    noted = f"  [{'; '.join(part['remarks'])}]" if part["remarks"] else ""
                    print(
                        f"{path} {part['at_s']:8.2f} s  {part['text']}{noted}  ({part['latency_ms']:.0f} ms)",
                        flush=True,
                    )
        except (OSError, ValueError) as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
