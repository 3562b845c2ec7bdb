"""Classify videos with the model beside this file, without PyTorch. requirements.txt says what it needs.

python predict.py VIDEO.mp4...            the likeliest classes of each video, and how long the model took
python predict.py --stream VIDEO.mp4      look at one frame after the other, as from a camera: every change of the
                                          label with its time, and the latency of a frame (needs onnxruntime)
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
    from checking import HERE, arguments, at_least_one, read, run, start, tell
    from handling import LissomError, Viewing, read_frames, squared, stream_frames
    from runner import Runner
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)

ROUNDED_S = 1e-3  # of times, as Matroska writes them


class Model:
    """The artefact with what comes before and after it."""

    def __init__(self, threads=1):
        self.handling = read("handling.json")
        self.viewing = Viewing.from_json(self.handling["viewing"])
        self.clips = self.handling.get("clips", 1)
        self.threads = threads
        self.runner = Runner(HERE / read("manifest.json")["artefact"], threads)

    def named(self, scores, top):
        """The likeliest classes with their names and probabilities, from scores (classes,)."""
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        names = self.handling.get("classes") or [str(number) for number in range(len(shares))]
        best = np.argsort(-shares, kind="stable")[:top]
        return [{"name": names[i], "index": int(i), "probability": float(shares[i])} for i in best]

    def predict(self, path, top, clips):
        """The likeliest classes of one video: the mean of the scores of several clips of it."""
        moments = self.viewing.clips(clips)
        frames = read_frames(Path(path), [at for clip in moments for at in clip], self.viewing.resize)
        frames = squared(frames, self.viewing.resize)
        inputs = [self.viewing.normalise(self.viewing.cropped(one)) for one in np.split(frames, clips)]
        begun = time.perf_counter()
        scores = np.mean([self.runner.run([one[None]])[0][0].astype(np.float64) for one in inputs], axis=0)
        took = (time.perf_counter() - begun) * 1e3
        return {"file": str(path), "classes": self.named(scores, top), "clips": clips, "latency_ms": took}


class Watcher:
    """Sees a stream frame by frame, and remembers what the model needs of those before."""

    def __init__(self, model):
        import onnxruntime

        path = HERE / "stream.onnx"
        if not path.is_file():
            raise ValueError("this model has no streaming form: there is no stream.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = model.threads, 1
        options.log_severity_level = 3
        content = path.read_bytes()
        try:
            self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has exceptions of its own
            raise ValueError(f"stream.onnx is damaged ({error}); predict.py --verify says where") from error
        self.viewing = model.viewing
        self.names = [item.name for item in self.session.get_inputs()]
        self.past = [np.zeros(item.shape, np.float32) for item in self.session.get_inputs()[1:]]
        self.scores = deque(maxlen=model.viewing.frames)

    def see(self, frame):
        """The mean of the scores of the last frames, as many as a clip has, (classes,)."""
        middle = squared(frame[None], self.viewing.resize)
        inputs = self.viewing.normalise(self.viewing.cropped(middle))[:, 0][None]
        scores, *self.past = self.session.run(None, dict(zip(self.names, [inputs, *self.past], strict=True)))
        self.scores.append(scores[0].astype(np.float64))
        return np.mean(self.scores, axis=0)


def sampled(frames, rate):
    """Of frames with their times in seconds those that are looked at: ``rate`` a second at most, or all of them.

    Looks are due at equal distances from the first frame on; those that a gap leaves no frame for are passed over, and
    where times jump back they begin anew.
    """
    if not rate:
        yield from frames
        return
    due = None
    for at, frame in frames:
        due = at if due is None or at < due - 1 - ROUNDED_S else due
        if at < due - ROUNDED_S:
            continue
        yield at, frame
        due += max(1, int((at - due) * rate)) / rate


def stream(model, path, rate, as_json):
    """Look at a video frame by frame; print each change of the label, and at the end what a frame took.

    A film that is cut off or damaged is looked at as far as it goes; the error follows then.
    """
    watcher, took, said, problem = Watcher(model), [], None, None
    try:
        for at, frame in sampled(stream_frames(Path(path), model.viewing.resize), rate):
            begun = time.perf_counter()
            scores = watcher.see(frame)
            took.append((time.perf_counter() - begun) * 1e3)
            best = model.named(scores, 1)[0]
            if best["name"] != said:
                said = best["name"]
                told = {"at_s": round(at, 3), "label": said, "probability": best["probability"]}
                show({**told, "latency_ms": took[-1]}, as_json)
    except LissomError as error:
        if not took:
            raise
        problem = error
    middle, late, worst = np.percentile(took, [50, 95, 100])
    found = {"file": str(path), "frames": len(took), "label": said}
    show({**found, "latency_ms": middle, "latency_p95_ms": late, "latency_most_ms": worst}, as_json)
    if problem:
        raise problem


def show(found, as_json):
    """One line of a stream."""
    if as_json:
        print(json.dumps(found, ensure_ascii=False), flush=True)
    elif "at_s" in found:
        print(f"{found['at_s']:8.2f} s  {found['label']} {found['probability']:.0%}", flush=True)
    else:
        print(
            f"{found['file']}: {found['label']} after {found['frames']} frames; a frame took "
            f"{found['latency_ms']:.2f} ms (median), {found['latency_p95_ms']:.2f} ms (95 %), "
            f"{found['latency_most_ms']:.2f} ms (slowest)"
        )


def main():
    parser = argparse.ArgumentParser(description="Classify videos without PyTorch.")
    parser.add_argument("videos", nargs="*", metavar="VIDEO")
    parser.add_argument("--stream", action="store_true", help="look at one frame after the other")
    parser.add_argument("--rate", type=at_least_one, default=0, help="frames a second to look at; all by default")
    parser.add_argument("--clips", type=at_least_one, help="clips of a video that an answer is the mean of; as tested")
    arguments(parser)
    options = parser.parse_args()
    if not options.videos and not options.verify:
        parser.error("give a VIDEO, or --verify")
    model = start(lambda: Model(options.threads), options.verify, options.json)
    code = 0
    for path in options.videos:
        try:
            if options.stream:
                stream(model, path, options.rate, options.json)
                continue
            found = model.predict(path, options.top, options.clips or model.clips)
        except (OSError, ValueError, ImportError) as error:
            code = tell(error, options.json, file=path)
            continue
        if options.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            classes = ", ".join(f"{item['name']} {item['probability']:.1%}" for item in found["classes"])
            print(f"{path}: {classes}  ({found['latency_ms']:.2f} ms)")
    return code


if __name__ == "__main__":
    run(main)
