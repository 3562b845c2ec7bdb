"""Train a video classifier on motions, and beside it the same backbone without a shift, which sees single frames.

    python training/video.py SOURCES WORK

SOURCES is a folder of photos and films. WORK gets the set of clips, for each network its weights (.safetensors) and
its figures (.json). A run that was stopped goes on after its last epoch.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from lissom.core.files import whole_file, write_json
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.tasks.video.motion import MOTIONS, sources_in, write_motion_set
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split
from lissom.zoo.tsm import tsm

SIZE, FRAMES = 64, 8
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
NETWORKS = {"tsm": 8, "frames": 0}  # the share of channels that is shifted
BATCH, RATE, SEED = 32, 4e-3, 0


@torch.inference_mode()
def accuracy(model: nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right = 0
    for start in range(0, len(split), 64):
        batch = split.take(range(start, min(start + 64, len(split))))
        assert batch.targets is not None
        right += int((model(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def learn(name: str, clips: Path, work: Path, epochs: int, width: float) -> dict[str, Any]:
    """Train one network and keep its weights and figures."""
    torch.manual_seed(SEED)
    network = tsm("mobilenet_v2", len(MOTIONS), share=NETWORKS[name], width_mult=width)
    settings = {"size": SIZE, "frames": FRAMES, "mean": MEAN, "std": STD}
    workload = load(network, data=clips, task="video", random_weights=True, seed=SEED, **settings)
    checkpoint = work / f"{name}.pt"
    schedule = Schedule(epochs, RATE, batch=BATCH, weight_decay=2e-2, seed=SEED)
    model = train(
        workload.module,
        workload.splits.train,
        supervised(workload.task),
        schedule,
        checkpoint=checkpoint,
        progress=Progress(),
        what=name,
    )
    half = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    with whole_file(work / f"{name}.safetensors") as temporary:
        save_file({key: value.contiguous() for key, value in half.items()}, temporary)
    found = {
        "network": name,
        "width": width,
        "parameters": sum(p.numel() for p in model.parameters()),
        "epochs": epochs,
        "clips": {part: len(getattr(workload.splits, part)) for part in ("train", "select", "test")},
        "accuracy": {part: accuracy(model, getattr(workload.splits, part)) for part in ("select", "test")},
    }
    write_json(work / f"{name}.json", found)
    checkpoint.unlink(missing_ok=True)
    return found


def main() -> None:
    """Make the set where it is not there, and train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--each", type=int, default=1, help="clips of a motion from a picture")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--width", type=float, default=0.5, help="of the backbone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips = options.work / "set"
    if not (clips / "clips.csv").is_file():
        sizes = write_motion_set(sources_in(options.sources), clips, each=options.each, seed=SEED, progress=Progress())
        write_json(options.work / "set.json", sizes)
    for name in NETWORKS:
        if not (options.work / f"{name}.json").is_file():
            found = learn(name, clips / "clips.csv", options.work, options.epochs, options.width)
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
