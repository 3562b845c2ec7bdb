"""Find keywords in sound with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py CLIP.wav...             the likeliest words of each clip, and how long it took
python predict.py --stream RECORDING.wav  listen in chunks, as to a microphone: every word with its time, and the
                                          latency of a chunk; of any length
python predict.py --verify                check the files' hashes and answer the test vectors
"""

import argparse
import json
import sys
import time
from collections import deque
from pathlib import Path

try:
    import numpy as np
    import soxr
    from checking import HERE, arguments, at_least_one, read, run, start, tell
    from handling import Features, blocks, level, opened, read_clip, remarks
    from runner import Runner
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)

SURE = 0.6  # probability from which on a word is said
SMOOTHED = 3  # chunks that an answer is the mean of


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1):
        self.handling = read("handling.json")
        self.features = Features.from_json(self.handling["features"])
        self.runner = Runner(HERE / read("manifest.json")["artefact"], threads)

    def shares(self, window):
        """The probability of each class for a window of sound, (classes,)."""
        scores = self.runner.run([self.features(window)[None]])[0][0].astype(np.float64)
        shares = np.exp(scores - scores.max())
        return shares / shares.sum()

    def named(self, shares, top):
        """The likeliest classes with their names."""
        names = self.handling.get("classes") or [str(number) for number in range(len(shares))]
        best = np.argsort(-shares, kind="stable")[:top]
        return [{"name": names[i], "index": int(i), "probability": float(shares[i])} for i in best]

    def predict(self, path, top):
        """The likeliest classes of one clip with their probabilities."""
        sound = read_clip(Path(path), self.features.rate)
        begun = time.perf_counter()
        shares = self.shares(self.features.window(sound))
        took = (time.perf_counter() - begun) * 1e3
        return {"file": str(path), "classes": self.named(shares, top), "remarks": remarks(sound), "latency_ms": took}


class Listener:
    """Hears a stream chunk by chunk, and keeps the window that the model needs of it.

    Sound comes in one channel at ``rate`` samples a second.
    """

    def __init__(self, model, rate):
        self.model = model
        self.window = np.zeros(model.features.length, dtype=np.float32)
        self.answers = deque(maxlen=SMOOTHED)
        same = rate == model.features.rate
        self.resampler = None if same else soxr.ResampleStream(rate, model.features.rate, 1, dtype="float32")

    def hear(self, chunk, last=False):
        """The mean answer after a chunk, (classes,), in parts where it is longer than the window; None where the whole
        window is silent. ``last``: no other comes behind it."""
        if self.resampler is not None:
            chunk = self.resampler.resample_chunk(chunk, last=last)
        answer, size = None, len(self.window)
        for place in range(0, max(1, len(chunk)), size):
            answer = self._answer(chunk[place : place + size])
        return answer

    def _answer(self, part):
        self.window = np.concatenate([self.window, part])[-len(self.window) :]
        if remarks(self.window) == ["silence"]:
            self.answers.clear()
            return None
        self.answers.append(self.model.shares(self.window))
        return np.mean(self.answers, axis=0)


def stream(model, path, chunk_ms, as_json):
    """Listen to a file in chunks; print each word when it is heard, and at the end what a chunk took."""
    if chunk_ms > 1000 * model.features.seconds:
        raise ValueError(f"--chunk {chunk_ms}: the model hears {1000 * model.features.seconds:g} ms at a time")
    said, took, heard = None, [], 0
    loudest = np.float32(level(Path(path)))
    with opened(Path(path)) as file:
        listener = Listener(model, file.samplerate)
        size = max(1, round(file.samplerate * chunk_ms / 1000))
        for block in blocks(file, size):
            begun, heard = time.perf_counter(), heard + len(block)
            shares = listener.hear(block / loudest, last=heard >= file.frames)
            took.append((time.perf_counter() - begun) * 1e3)
            best = None if shares is None else model.named(shares, 1)[0]
            word = best["name"] if best and best["probability"] >= SURE else None
            if word != said and word is not None:
                show(
                    {"at_s": round(heard / file.samplerate, 3), "word": word, "probability": best["probability"]},
                    as_json,
                )
            said = word
    middle, late, worst = np.percentile(took, [50, 95, 100])
    found = {"file": str(path), "seconds": heard / file.samplerate, "chunks": len(took), "chunk_ms": chunk_ms}
    show({**found, "latency_ms": middle, "latency_p95_ms": late, "latency_most_ms": worst}, as_json)


def show(found, as_json):
    """One line of a stream."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    elif "word" in found:
        print(f"{found['at_s']:8.2f} s  {found['word']} {found['probability']:.0%}", flush=True)
    else:
        print(
            f"{found['file']}: {found['seconds']:.1f} s in {found['chunks']} chunks of {found['chunk_ms']:g} ms; "
            f"a chunk took {found['latency_ms']:.2f} ms (median), {found['latency_p95_ms']:.2f} ms (95 %), "
            f"{found['latency_most_ms']:.2f} ms (slowest)"
        )


def shown(found):
    """One line for people."""
    classes = ", ".join(f"{item['name']} {item['probability']:.1%}" for item in found["classes"])
    notes = f"  [{'; '.join(found['remarks'])}]" if found["remarks"] else ""
    return f"{found['file']}: {classes}  ({found['latency_ms']:.2f} ms){notes}"


def main():
    parser = argparse.ArgumentParser(description="Find keywords in sound without PyTorch.")
    parser.add_argument("clips", nargs="*", metavar="CLIP")
    parser.add_argument("--stream", action="store_true", help="listen in chunks, as to a microphone")
    parser.add_argument("--chunk", type=at_least_one, default=100, help="milliseconds of a chunk; 100 by default")
    arguments(parser)
    options = parser.parse_args()
    if not options.clips and not options.verify:
        parser.error("give a CLIP, or --verify")
    model = start(lambda: Model(options.threads), options.verify, options.json)
    code = 0
    for path in options.clips:
        try:
            if options.stream:
                stream(model, path, options.chunk, options.json)
            else:
                found = model.predict(path, options.top)
                print(json.dumps(found, ensure_ascii=False) if options.json else shown(found))
        except (OSError, ValueError) as error:
            code = tell(error, options.json, file=path)
    return code


if __name__ == "__main__":
    run(main)
