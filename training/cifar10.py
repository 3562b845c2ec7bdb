"""Train a network on CIFAR-10: the originals of several tables in docs/results.md.

    python training/cifar10.py mobilenet_v2 cifar10.zip OUTPUT.safetensors

The zip has class folders under train and test. The select split is a tenth of train that is not learnt from, the
same one that ``lissom compress --data cifar10.zip`` carves. A run that was stopped goes on after its last epoch.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split
from lissom.zoo import build
from lissom.zoo.weights import packaged_state


@dataclass(frozen=True)
class Case:
    """What is trained: a spec for ``lissom.load`` or a model of the zoo with options, and how.

    ``start`` is the model whose weights, all but the classifier's, an installed package carries.
    """

    model: str
    size: int
    schedule: Schedule
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    start: str | None = None

    def original(self) -> Any:
        """What ``lissom.load`` takes for a model."""
        return build(self.model, num_classes=10, **self.options) if self.options else self.model


CASES = {
    "efficientnet_lite0": Case(
        "timm:tf_efficientnet_lite0",
        64,
        Schedule(epochs=4, rate=1e-3, weight_decay=2e-2),
        start="tf_efficientnet_lite0",
    ),
    "mobilenet_v2": Case(
        "mobilenet_v2_32px",
        32,
        Schedule(epochs=8, rate=6e-3, batch=128, weight_decay=2e-2),
        {"width_mult": 0.5},
    ),
}


@torch.inference_mode()
def accuracy(model: torch.nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    right: list[np.ndarray] = []
    for start in range(0, len(split), 500):
        batch = split.take(list(range(start, min(start + 500, len(split)))))
        assert batch.targets is not None
        right.append((model.eval()(*batch.inputs).argmax(1) == batch.targets).numpy())
    return 100 * float(np.concatenate(right).mean())


def main(case: Case, data: Path, output: Path) -> None:
    """Train, print the scores, and write the checkpoint."""
    torch.manual_seed(0)
    workload = load(case.original(), data=str(data), random_weights=True, size=case.size, label_smoothing=0.05)
    if case.start is not None:
        body = {name: part for name, part in packaged_state(case.start).items() if not name.startswith("classifier.")}
        missing = workload.module.load_state_dict(body, strict=False).missing_keys
        assert set(missing) == {"classifier.weight", "classifier.bias"}, missing
    model = train(
        workload.module,
        workload.splits.train,
        supervised(workload.task),
        case.schedule,
        checkpoint=output.with_suffix(".part"),
        progress=Progress(),
        what="training",
    )
    print(f"{accuracy(model, workload.splits.select):.2f} % on select", flush=True)
    with whole_file(output) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, temporary)
    print(f"{accuracy(model, workload.splits.test):.2f} % on test, written to {output}")


if __name__ == "__main__":
    main(CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]))
