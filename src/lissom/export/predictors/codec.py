"""Code videos, and decode what was coded, with the networks beside this file, without PyTorch.

python predict.py VIDEO.mp4 [-o OUT.lsmc]     code a video; --quality 0 to 4, --keys frames between key frames at most
python predict.py CODED.lsmc [-o OUT.mp4]     decode it, to .mp4 (H.264 without loss) or .y4m (raw)
python predict.py --verify                    check the files' hashes, answer the test vectors, decode the sample
"""

import argparse
import json
import sys
import time
from pathlib import Path

try:
    import numpy as np
    from checking import HERE, arguments, at_least_one, read, run, start, tell
    from files import ENDING, KEYS, decode_file, decoded_frames, encode_file
    from handling import StreamReader
    from runner import Runner
    from transforms import PLANES, RUNTIMES, SAMPLE, SAMPLE_FRAMES, load_coder
except ModuleNotFoundError as error:
    print(f"{error.name} is not there: pip install -r requirements.txt, or copy the bundle anew", file=sys.stderr)
    sys.exit(2)


class Model:
    """The whole network, which --verify asks."""

    def __init__(self, threads=1):
        self.runner = Runner(HERE / read("manifest.json")["artefact"], threads)


def sample(options):
    """What is wrong with how the sample, which was coded when the bundle was made, is decoded here."""
    coder = load_coder(HERE, runtime=options.runtime, threads=options.threads, encodes=False)
    with np.load(HERE / SAMPLE_FRAMES) as held:
        expected = [held[name] for name in PLANES]
    with (HERE / SAMPLE).open("rb") as file:
        stream = StreamReader(file)
        pictures = [picture.planes for _, picture in decoded_frames(coder, stream)]
    if stream.problem or len(pictures) != len(expected[0]):
        return [f"{SAMPLE} is not read as it was written: {stream.problem or f'{len(pictures)} frames'}"]
    found = [np.stack(plane).astype(int) for plane in zip(*pictures, strict=True)]
    apart = max(int(np.abs(ours - theirs).max()) for ours, theirs in zip(found, expected, strict=True))
    return [f"{SAMPLE} is decoded otherwise, by {apart} of 255 levels"] if apart else []


def progress(path):
    """What shows on a terminal how far a film is; elsewhere nothing."""

    shown = sys.stderr is not None and sys.stderr.isatty()

    def count(frames):
        if shown and frames % 10 == 0:
            print(f"\r{path.name}: {frames} frames", end="\r", file=sys.stderr, flush=True)

    return count


def beside(path):
    """What a file is coded or decoded to where nothing is said."""
    return path.parent / f"{path.stem}{'.decoded.mp4' if path.suffix.lower() == ENDING else ENDING}"


def encode(path, options):
    """A video to a stream, and what came of it."""
    if not path.is_file():
        raise ValueError("there is no such file")
    out = options.output or beside(path)
    coder = load_coder(HERE, runtime=options.runtime, threads=options.threads)
    begun = time.perf_counter()
    found = encode_file(coder, path, out, options.quality, keys=options.keys, tell=progress(path))
    took = (time.perf_counter() - begun) * 1e3 / found.frames
    told = {"file": str(path), "output": str(out), "frames": found.frames, "key_frames": found.keys}
    told |= {"size_bytes": found.size_bytes, "psnr_db": round(found.psnr, 3), "latency_ms": took}
    told |= {"problem": found.problem}
    said = (
        f"{path}: {found.frames} frames, {found.size_bytes:,} bytes, {found.psnr:.2f} dB, {took:.1f} ms a frame: {out}"
    )
    return told, said, found.problem


def decode(path, options):
    """A stream to a video, and what came of it."""
    out = options.output or beside(path)
    coder = load_coder(HERE, runtime=options.runtime, threads=options.threads, encodes=False)
    begun = time.perf_counter()
    found = decode_file(coder, path, out, tell=progress(path))
    took = (time.perf_counter() - begun) * 1e3 / found.frames
    told = {"file": str(path), "output": str(out), "frames": found.frames, "latency_ms": took, "problem": found.problem}
    return told, f"{path}: {found.frames} frames, {took:.1f} ms a frame: {out}", found.problem


def main():
    parser = argparse.ArgumentParser(description="Code and decode videos without PyTorch.")
    parser.add_argument("files", nargs="*", metavar="FILE", type=Path)
    parser.add_argument("-o", "--output", type=Path, help="what to write; by default beside the file")
    parser.add_argument("--quality", type=int, default=2, help="0 to 4, the last is the best; 2 by default")
    parser.add_argument(
        "--keys", type=at_least_one, default=KEYS, help="frames between key frames at most; %(default)s by default"
    )
    parser.add_argument(
        "--runtime", choices=RUNTIMES, default="onnxruntime", help="what runs the networks; ONNX Runtime by default"
    )
    arguments(parser, classes=False)
    options = parser.parse_args()
    if not options.files and not options.verify:
        parser.error("give a FILE, or --verify")
    if options.output and len(options.files) != 1:
        parser.error("-o is for one FILE")
    made = [beside(path) for path in options.files]
    if len(set(made)) < len(made):
        parser.error(f"two of the files would be written to {next(path for path in made if made.count(path) > 1)}")
    if options.verify:
        start(lambda: Model(options.threads), True, options.json, check=lambda: sample(options))
    code = 0
    for path in options.files:
        try:
            work = decode if path.suffix.lower() == ENDING else encode
            told, said, problem = work(path, options)
        except (OSError, ValueError, ImportError) as error:
            code = tell(error, options.json, file=path)
            continue
        print(json.dumps(told, ensure_ascii=False) if options.json else said)
        if problem:
            print(f"{path}: {problem}; what could be decoded is written", file=sys.stderr)
            code = 2
    return code


if __name__ == "__main__":
    run(main)
