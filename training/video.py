"""Train video classifiers on motions: the checkpoint that the demo starts from, and what it is compared with.

    python training/video.py WORK [tsm | frames]

"tsm" is the zoo's tsm_rgbdiff_mobilenet_v2; "frames" has neither shift nor difference and sees single frames.
WORK gets the weights in half precision and the figures of each. A stopped run goes on after its last epoch. About
forty and five minutes of processor time.
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
from lissom.tasks.video.motion import MOTIONS
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Batch, Split
from lissom.zoo.tsm import tsm

NETWORKS: dict[str, dict[str, Any]] = {"tsm": {"difference": True}, "frames": {"share": 0}}
EPOCHS = {"tsm": 20, "frames": 3}
BATCH, RATE, SEED = 16, 2e-3, 0


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
    network = tsm("mobilenet_v2", len(MOTIONS), **NETWORKS[name])
    network.to(memory_format=torch.channels_last)  # half the time on a processor
    workload = load(network, data="motions", task="video", random_weights=True, download=True, seed=SEED)
    splits, checkpoint = workload.splits, work / f"{name}.pt"
    schedule = Schedule(EPOCHS[name], RATE, batch=BATCH, weight_decay=2e-2, seed=SEED)
    model = train(
        workload.module,
        splits.train,
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
