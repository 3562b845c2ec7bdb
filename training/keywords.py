"""Teach a DS-CNN the words that synthesisers say: the checkpoint that the speech demo makes smaller.

    python training/keywords.py WORK [--epochs 40]

The data set is synthetic-words. The real voice is not learnt from; but a first list of words was shortened after it
had been heard, so its score is no verdict on voices that nothing was chosen by. Progress is kept in WORK. The
checkpoint is written to WORK/keywords.safetensors, in half precision; the one in the package is made so.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.train.batches import in_order, prepared
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split

MODEL, DATA = "zoo:ds_cnn_m", "synthetic-words"
SEED = 0


@torch.no_grad()
def accuracy(model: torch.nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right = 0
    for batch in prepared(split, in_order(len(split), 100)):
        assert batch.targets is not None
        right += int((model(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def main(work: Path, epochs: int) -> None:
    """Train, write the checkpoint, and print what it scores."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    progress = Progress()
    options = {"random_weights": True, "download": True, "seed": SEED, "label_smoothing": 0.1}
    workload = load(MODEL, data=DATA, task="speech", progress=progress, **options)
    schedule = Schedule(epochs, rate=6e-3, batch=64, weight_decay=2e-2, seed=SEED)
    work.mkdir(parents=True, exist_ok=True)
    checkpoint, splits = work / "training.pt", workload.splits
    model = train(
        workload.module.to(memory_format=torch.channels_last),
        splits.train,
        supervised(workload.task),
        schedule,
        checkpoint=checkpoint,
        progress=progress,
        what=f"learning {DATA}",
    )
    half = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    with whole_file(work / "keywords.safetensors") as temporary:
        save_file({name: value.contiguous() for name, value in half.items()}, temporary)
    checkpoint.unlink(missing_ok=True)
    print(f"synthetic voice: {accuracy(model, splits.select):.2f} %, real: {accuracy(model, splits.test):.2f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    given = parser.parse_args()
    main(given.work, given.epochs)
