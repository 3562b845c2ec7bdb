"""Train the codec of the demo: key frames, and frames that are predicted from what was decoded before them.

    python training/codec.py SOURCES WORK --output src/lissom/zoo/checkpoints/codec.safetensors

SOURCES is a folder of photos and films; whole films and photos are left out by --except. WORK gets the windows and
a state that a stopped run goes on from. Three quarters of an hour on one core.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from codec_start import begin
from safetensors.torch import save_file
from torch import Tensor, nn

from lissom.core.allocator import freed_memory_kept
from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.codec.motion import predict
from lissom.tasks.codec.pictures import Picture, pack, unpack
from lissom.tasks.codec.task import rate_distortion
from lissom.tasks.codec.windows import Windows, make_windows
from lissom.zoo.codec import LATENT_STRIDE, QUALITIES, SETTINGS, Codec, codec

BATCH, RATE, SEED = 8, 1.5e-3, 0
KEY_SHARE = 0.25  # of the windows, of which each frame is a key frame
STARTED = 300  # windows, of all films and photos, that the start is worked out from
AVERAGE = 0.998  # of the weights over steps


def rounded(model: Codec, frame: Tensor) -> Tensor:
    """No noise: pictures are made of rounded latents, as in a stream."""
    height, width = (size // LATENT_STRIDE for size in frame.shape[2:])
    return frame.new_zeros(len(frame), model.log_gain.out_features, height, width)


class Training:
    """A model, what it learns from, and where it is."""

    def __init__(self, windows: Windows, work: Path, steps: int) -> None:
        torch.manual_seed(SEED)
        self.windows, self.steps, self.step = windows, steps, 0
        self.model, self.average = codec(), codec()
        rows = np.linspace(0, len(windows) - 1, min(STARTED, len(windows))).astype(int)  # films come first, then photos
        seen = [pack(windows.picture(int(row), 0)) for row in rows]
        begin(self.model, torch.from_numpy(np.stack(seen)))
        self.average.load_state_dict(self.model.state_dict())
        self.optimizer = torch.optim.Adam(self.model.parameters(), RATE)
        self.state = work / "state.pt"
        self.said: list[tuple[float, float, float]] = []
        if self.state.is_file():
            held = torch.load(self.state, weights_only=True)
            self.model.load_state_dict(held["model"])
            self.average.load_state_dict(held["average"])
            self.optimizer.load_state_dict(held["optimizer"])
            self.step = held["step"]

    def save(self) -> None:
        """Keep where it is."""
        held = {"model": self.model.state_dict(), "average": self.average.state_dict()}
        with whole_file(self.state) as temporary:
            torch.save({**held, "optimizer": self.optimizer.state_dict(), "step": self.step}, temporary)

    @freed_memory_kept()
    def run(self) -> nn.Module:
        """Learn until all steps are done; the mean of the weights of the last ones."""
        begun, first = time.process_time(), self.step
        while self.step < self.steps:
            self.group(np.random.default_rng((SEED, self.step)))
            if self.step % 200 < self.windows.length:
                loss, psnr, bpp = np.mean(self.said, 0)
                self.said.clear()
                each = (time.process_time() - begun) / (self.step - first)
                print(f"step {self.step} loss {loss:.4f} psnr {psnr:.2f} bpp {bpp:.3f} {each:.3f} s", flush=True)
                self.save()
        return self.average

    def group(self, generator: np.random.Generator) -> None:
        """One batch of windows: a step on each frame, each predicted from what the one before was decoded to."""
        rows = generator.integers(len(self.windows), size=BATCH)
        keys = generator.random() < KEY_SHARE
        quality = generator.integers(len(QUALITIES), size=BATCH)
        before: list[Picture] = []
        for time_ in range(self.windows.length):
            frames = [self.windows.picture(int(row), time_) for row in rows]
            predicted = not keys and time_ > 0
            packed = torch.from_numpy(np.stack([pack(frame) for frame in frames]))
            prediction = torch.zeros_like(packed)
            if predicted:
                moved = [predict(b, self.windows.vectors[row, time_ - 1]) for b, row in zip(before, rows, strict=True)]
                prediction = torch.from_numpy(np.stack([pack(each) for each in moved]))
            setting = torch.eye(SETTINGS)[quality + len(QUALITIES) * predicted]
            decoded = self.learn(packed, prediction, setting)
            before = [unpack(each) for each in decoded.numpy()]

    def learn(self, frame: Tensor, prediction: Tensor, setting: Tensor) -> Tensor:
        """One step; what the frames were decoded to."""
        share = self.step / self.steps
        rate = RATE * min(1.0, (self.step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * share)) + 1e-6
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        torch.manual_seed(SEED * 1_000_003 + self.step)
        outputs = self.model(frame, prediction, setting, rounded(self.model, frame))
        loss = rate_distortion(outputs).mean()
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            held = min(AVERAGE, self.step / (self.step + 10))
            for mean, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(new, 1 - held)
        found = outputs.detach()
        error = (found[:, :4] - frame[:, :4]).square().mean()
        self.said.append((float(loss.detach()), float(-10 * error.log10()), float(found[:, 6].mean() / 4)))
        return found[:, :6]


def main() -> None:
    """Make the windows where they are not there, train, and write the weights in half precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("work", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=7000)
    parser.add_argument("--windows", type=int, default=1600)
    parser.add_argument("--except", dest="left_out", nargs="*", default=["carphone", "bikes", "tree"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    place = options.work / "windows.npz"
    if not place.is_file():
        paths = sorted(path for folder in options.sources for path in folder.rglob("*"))
        paths = [path for path in paths if not path.name.startswith(tuple(options.left_out))]
        make_windows(paths, options.windows, seed=SEED, progress=Progress()).save(place)
    windows = Windows.load(place)
    print(json.dumps({"windows": len(windows), "steps": options.steps}), flush=True)
    model = Training(windows, options.work, options.steps).run()
    halved = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(options.output) as temporary:
        save_file(halved, temporary)


if __name__ == "__main__":
    main()
