"""Train video classifiers on motions: the checkpoint that the demo starts from, and what it is compared with.

    python training/video.py WORK [tsm | frames]

"tsm" is the zoo's tsm_rgbdiff_mobilenet_v2_x0_5; "frames" has neither shift nor difference and sees single frames.
WORK gets the weights in half precision and the figures of each. A stopped run goes on after its last epoch. About
fifteen and five minutes of processor time.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from lissom.core.files import whole_file, write_json
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.tasks.video.handling import Viewing
from lissom.tasks.video.motion import FRAMES, MOTIONS, motion_clip, part_of
from lissom.tasks.video.motion_set import PREPROCESSING, MotionClips, all_clips, find_motions
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Batch, Split
from lissom.zoo.tsm import tsm

NETWORKS: dict[str, dict[str, Any]] = {"tsm": {"difference": True}, "frames": {"share": 0}}
EPOCHS = {"tsm": 10, "frames": 3}
WIDTH, BATCH, RATE, SEED = 0.5, 16, 2e-3, 0


@dataclass(frozen=True)
class Drawn:
    """Clips of the training sources that are drawn anew for each view, over pictures that are turned or mirrored: the
    set's own clips are few, and a network learns them by heart.

    Args:
        pictures: by how they are turned, ``(8, pictures)``, in RGB.
        viewing: from frames to the model's input.
    """

    pictures: Sequence[Sequence[Image.Image]]
    viewing: Viewing
    each: int = 8

    def __len__(self) -> int:
        return len(self.pictures[0]) * len(MOTIONS) * self.each

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """Inputs ``(batch, 3, frames, height, width)``, targets ``(batch,)``."""
        clips = np.stack([self._clip(index, view or 0) for index in indices])
        rows = torch.tensor(list(indices))
        return Batch((torch.from_numpy(clips),), rows % len(MOTIONS), rows)

    def _clip(self, index: int, view: int) -> np.ndarray:
        generator = np.random.default_rng((SEED, index, view))
        turned = self.pictures[int(generator.integers(len(self.pictures)))]
        picture = turned[index // len(MOTIONS) % len(turned)]
        seen, motion = self.viewing, MOTIONS[index % len(MOTIONS)]
        numbers = np.asarray(seen.moments([generator.uniform()] * seen.frames)) * FRAMES
        frames = motion_clip(picture, motion, generator, numbers=numbers.astype(int).tolist(), pixels=seen.resize)
        top, left = generator.integers(0, seen.resize - np.asarray(seen.crop) + 1).tolist()
        return seen.normalise(seen.cropped(frames, top, left))


def drawn() -> Drawn:
    """The training sources."""
    items = find_motions(download=True).parts["train"].items
    assert isinstance(items, MotionClips)
    sources = dict.fromkeys(clip.source for clip in all_clips() if part_of(clip.source) == "train")
    pictures = [picture for source in sources for picture in items.pictures[source]]
    turned = [[picture.transpose(turn) for picture in pictures] for turn in Image.Transpose]
    viewing = Viewing(frames=8, **PREPROCESSING)
    return Drawn([pictures, *turned], viewing)


@torch.inference_mode()
def predicted(model: nn.Module, split: Split) -> torch.Tensor:
    """The class that the model takes each clip of a split for, ``(clips,)``."""
    groups = [range(start, min(start + 64, len(split))) for start in range(0, len(split), 64)]
    return torch.cat([model(*split.take(group).inputs).argmax(1) for group in groups])


def told(model: nn.Module, split: Split) -> dict[str, Any]:
    """Percent that the model gets right, and how often it takes each motion (rows) for each."""
    targets = split.take(range(len(split))).targets
    assert targets is not None
    answers = predicted(model, split)
    taken = torch.zeros(len(MOTIONS), len(MOTIONS), dtype=torch.int64)
    taken.index_put_((targets, answers), torch.ones_like(targets), accumulate=True)
    return {"accuracy": 100 * float((answers == targets).double().mean()), "taken_for": taken.tolist()}


class Watched:
    """The objective of learning from labels, and by epoch the percent of the views seen that were told right."""

    def __init__(self, task: Any) -> None:
        self.objective, self.right, self.seen = supervised(task), dict[int, int](), dict[int, int]()

    def __call__(self, outputs: Any, batch: Batch, view: int) -> torch.Tensor:
        """The loss; the count is kept on the way."""
        assert batch.targets is not None
        self.right[view] = self.right.get(view, 0) + int((outputs.argmax(1) == batch.targets).sum())
        self.seen[view] = self.seen.get(view, 0) + len(batch.targets)
        if self.seen[view] % 1024 < BATCH:
            print(f"epoch {view + 1}: {100 * self.right[view] / self.seen[view]:.1f} % so far", flush=True)
        return self.objective(outputs, batch, view)


def learn(name: str, work: Path) -> dict[str, Any]:
    """Train one network and keep its weights and figures."""
    torch.manual_seed(SEED)
    network = tsm("mobilenet_v2", len(MOTIONS), width_mult=WIDTH, **NETWORKS[name])
    network.to(memory_format=torch.channels_last)  # half the time on a processor
    workload = load(network, data="motions", task="video", random_weights=True, download=True, seed=SEED)
    splits, checkpoint, clips = workload.splits, work / f"{name}.pt", drawn()
    schedule = Schedule(EPOCHS[name], RATE, batch=BATCH, weight_decay=2e-2, seed=SEED)
    model = train(
        workload.module,
        clips,
        Watched(workload.task),
        schedule,
        checkpoint=checkpoint,
        progress=Progress(),
        what=name,
    )
    half = {key: value.half() if value.is_floating_point() else value for key, value in model.state_dict().items()}
    with whole_file(work / f"{name}.safetensors") as temporary:
        save_file({key: value.contiguous() for key, value in half.items()}, temporary)
    found = {
        "network": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "epochs": EPOCHS[name],
        "drawn": len(clips),
        "clips": {part: len(getattr(splits, part)) for part in ("train", "select", "test")},
        **{part: told(model, getattr(splits, part)) for part in ("select", "test")},
    }
    write_json(work / f"{name}.json", found)
    checkpoint.unlink(missing_ok=True)
    return found


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.networks:
        if not (options.work / f"{name}.json").is_file():
            print(json.dumps(learn(name, options.work)), flush=True)


if __name__ == "__main__":
    main()
