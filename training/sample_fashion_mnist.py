"""Train the sample network on Fashion-MNIST: the checkpoint that the demo starts from.

    python training/sample_fashion_mnist.py OUTPUT.safetensors

Eight epochs of AdamW with one cycle on the 55,000 pictures that are not the select split: flips, shifts by two
pixels, label smoothing. About 22 minutes on two cores of an AMD EPYC (Zen 3). Weights are kept in half precision.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.workload.workload import Split
from lissom.zoo import build

EPOCHS = 8
BATCH = 128
RATE = 3e-3
SMOOTHING = 0.05
SHIFT = 2


def shown(inputs: Tensor, generator: torch.Generator) -> Tensor:
    """A batch ``(batch, 3, 32, 32)`` flipped by chance and shifted by up to two pixels, black coming in."""
    flipped = torch.rand(len(inputs), generator=generator) < 0.5
    inputs = inputs.clone()
    inputs[flipped] = inputs[flipped].flip(-1)
    down, right = (int(shift) for shift in torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator))
    padded = F.pad(inputs, (SHIFT, SHIFT, SHIFT, SHIFT), value=float(inputs.min()))
    side = inputs.shape[-1]
    return padded[:, :, SHIFT + down : SHIFT + down + side, SHIFT + right : SHIFT + right + side]


@torch.no_grad()
def accuracy(model: nn.Module, split: Split) -> float:
    """Percent of a split that the model gets right."""
    model.eval()
    right = 0
    for start in range(0, len(split), 500):
        batch = split.take(list(range(start, min(start + 500, len(split)))))
        assert batch.targets is not None
        right += int((model(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def main(output: Path) -> None:
    """Train, print the scores by epoch, and write the checkpoint."""
    torch.manual_seed(0)
    model = build("sample", num_classes=10)
    splits = load(model, data="fashion-mnist", download=True).splits
    steps = len(splits.train) // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-2)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=EPOCHS * steps)
    generator = torch.Generator().manual_seed(1)
    for epoch in range(EPOCHS):
        model.train()
        order = torch.randperm(len(splits.train), generator=generator).tolist()
        for step in Progress().track(range(steps), f"epoch {epoch + 1} of {EPOCHS}"):
            batch = splits.train.take(order[step * BATCH : (step + 1) * BATCH])
            outputs = model(shown(batch.inputs[0], generator))
            loss = F.cross_entropy(outputs, batch.targets, label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
        print(f"epoch {epoch + 1}: {accuracy(model, splits.select):.2f} % on select", flush=True)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    with whole_file(output) as temporary:
        save_file(halved, temporary)
    print(f"{accuracy(model, splits.test):.2f} % on test, written to {output}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
