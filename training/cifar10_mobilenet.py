"""Train torchvision's MobileNetV3-Small on CIFAR-10 at 64x64: the subject of the second case in docs/results.md.

    python training/cifar10_mobilenet.py cifar10.zip OUTPUT.safetensors

The zip has class folders under train and test. The select split is a tenth of train that is not learnt from, the
same one that ``lissom compress --data cifar10.zip`` carves.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.train.loop import Schedule, train
from lissom.workload.workload import Split

EPOCHS = 8
SCHEDULE = Schedule(epochs=EPOCHS, rate=4e-3, batch=128, weight_decay=2e-2)


@torch.inference_mode()
def accuracy(model: torch.nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right: list[np.ndarray] = []
    for start in range(0, len(split), 500):
        batch = split.take(list(range(start, min(start + 500, len(split)))))
        assert batch.targets is not None
        right.append((model.eval()(*batch.inputs).argmax(1) == batch.targets).numpy())
    return 100 * float(np.concatenate(right).mean())


def main(data: Path, output: Path) -> None:
    """Train, print the scores, and write the checkpoint."""
    torch.manual_seed(0)
    workload = load(
        "torchvision:mobilenet_v3_small", data=str(data), random_weights=True, size=64, label_smoothing=0.05
    )
    task = workload.task
    model = train(
        workload.module,
        workload.splits.train,
        lambda outputs, batch, view: task.loss(outputs, batch.targets),
        SCHEDULE,
        checkpoint=output.with_suffix(".part"),
        progress=Progress(),
        what="training",
    )
    print(f"{accuracy(model, workload.splits.select):.2f} % on select", flush=True)
    with whole_file(output) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, temporary)
    print(f"{accuracy(model, workload.splits.test):.2f} % on test, written to {output}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
