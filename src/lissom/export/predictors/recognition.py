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

try:
    import numpy as np
    from answering import heard
    from checking import HERE, arguments, at_least_one, read, run, start, tell
    from generating import spoken
    from handling import remarks
    from log_mel import LogMel
    from runner import Runner
    from tokenizers import Tokenizer
    from wave_window import Wave
    from windows import windows
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)

NO_TOKENS = np.zeros((1, 1), dtype=np.int64)  # an artefact is told what was said in training alone


class Asked:
    """The artefact, asked for whole answers."""

    def __init__(self, threads, handling):
        self.artefact, self.handling = Runner(HERE / read("manifest.json")["artefact"], threads), handling

    def run(self, inputs):
        """The tokens that are said in a batch of inputs."""
        return [heard(self.artefact, inputs, self.handling)]


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1, beams=None):
        handling = read("handling.json")
        kind = LogMel if "bands" in handling["features"] else Wave
        self.features = kind.from_json(handling["features"])
        self.runner = Asked(threads, handling if beams is None else {**handling, "beams": beams})
        rules = handling.get("rules")  # of which a forced end has the last place
        self.most = rules["longest"] - len(rules["prompt"]) - rules["forced_end"] if rules else np.inf
        self.words = Tokenizer.from_file(str(HERE / "tokenizer.json"))

    def text(self, samples):
        """What is said in a window of sound, and whether it was cut off where an answer is at its longest."""
        inputs = [self.features(samples)[None], *([NO_TOKENS] if "rules" in self.runner.handling else [])]
        tokens = spoken(self.runner.run(inputs)[0])[0]
        return self.words.decode(tokens).strip(), len(tokens) >= self.most

    def parts(self, path):
        """Each window of a recording: when it begins, what is said in it, remarks, and milliseconds."""
        for begins, samples in windows(Path(path), self.features):
            begun, noted = time.perf_counter(), remarks(samples)
            text, cut = ("", False) if noted == ["silence"] else self.text(samples)
            noted += ["it was cut off"] if cut else []
            took = (time.perf_counter() - begun) * 1e3
            yield {"at_s": round(begins, 2), "text": text, "remarks": noted, "latency_ms": took}


def shown(path, part):
    """One line for people."""
    noted = f"  [{'; '.join(part['remarks'])}]" if part["remarks"] else ""
    return f"{path} {part['at_s']:8.2f} s  {part['text']}{noted}  ({part['latency_ms']:.0f} ms)"


def main():
    parser = argparse.ArgumentParser(description="Write down what is said, without PyTorch.")
    parser.add_argument("recordings", nargs="*", metavar="RECORDING")
    parser.add_argument(
        "--beams", type=at_least_one, help="alternatives that are followed at a time; 1 for a model that spells"
    )
    arguments(parser, classes=False)
    options = parser.parse_args()
    if not options.recordings and not options.verify:
        parser.error("give a RECORDING, or --verify")
    beams = None if options.verify else options.beams
    model = start(lambda: Model(options.threads, beams), options.verify, options.json)
    if options.beams not in (None, 1) and "rules" not in model.runner.handling:
        return tell(
            f"--beams {options.beams}: this model spells the likeliest letter at each place and follows no "
            "alternatives; leave --beams out",
            options.json,
        )
    code = 0
    for path in options.recordings:
        try:
            for part in model.parts(path):
                line = json.dumps({"file": path, **part}, ensure_ascii=False) if options.json else shown(path, part)
                print(line, flush=True)
        except (OSError, ValueError) as error:
            code = tell(error, options.json, file=path)
    return code


if __name__ == "__main__":
    run(main)
