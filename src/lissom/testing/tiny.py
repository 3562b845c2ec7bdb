"""A tiny network and drawn pictures: everything of a workload at a size that tests can afford."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.tasks.classification import Classification
from lissom.tasks.image.handling import Preprocessing
from lissom.train.loop import Schedule, train
from lissom.workload.workload import Batch, Splits, Workload

SIDE = 8
CLASSES = ("rows", "columns", "squares", "blank")
PREPROCESSING = Preprocessing((SIDE, SIDE), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
SIZES = {"train": 320, "select": 120, "test": 120}
_NOISE = 45.0


class TinyNet(nn.Module):
    """Three convolutions of 16, 32 and 32 channels with BatchNorm, and a linear layer: 14,580 parameters."""

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        )
        self.classifier = nn.Linear(32, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores ``(batch, classes)`` of pictures ``(batch, 3, height, width)``."""
        return self.classifier(self.features(pictures).mean((2, 3)))


class TinyResidual(nn.Module):
    """A convolution, three residual blocks of 12 channels, and a linear layer."""

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(TinyBlock(12) for _ in range(3)))
        self.classifier = nn.Linear(12, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores ``(batch, classes)`` of pictures ``(batch, 3, height, width)``."""
        return self.classifier(self.blocks(torch.relu(self.stem(pictures))).mean((2, 3)))


class TinyBlock(nn.Module):
    """Two convolutions with BatchNorm, added to what they read."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Of the shape of ``x``."""
        return torch.relu(x + self.second(self.first(x)))


@dataclass(frozen=True)
class Drawn:
    """Drawn pictures as a split.

    Args:
        pictures: ``(examples, 3, 8, 8)``, uint8.
        labels: ``(examples,)``.
        labelled: whether batches hold their labels.
    """

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    labelled: bool = True

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """Pictures as they are, or mirrored and brightened in a way that depends on number and view alone."""
        rows = np.asarray(indices, dtype=np.int64)
        pictures = self.pictures[rows]
        if view is not None:
            mirrored = (rows + view) % 2 == 0
            pictures = np.where(mirrored[:, None, None, None], pictures[..., ::-1], pictures)
            lighter = (rows * 7 + view * 13) % 20
            pictures = np.minimum(pictures.astype(np.int64) + lighter[:, None, None, None], 255).astype(np.uint8)
        inputs = torch.from_numpy(PREPROCESSING.normalise(pictures))
        targets = torch.from_numpy(self.labels[rows]) if self.labelled else None
        return Batch((inputs,), targets, torch.from_numpy(rows))


def draw(count: int, seed: int, noise: float = _NOISE) -> Drawn:
    """Stripes along rows, along columns, a chessboard, or nothing, each under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % len(CLASSES))
    down, across = np.mgrid[0:SIDE, 0:SIDE]
    patterns = np.stack([down % 2, across % 2, (down + across) % 2, np.zeros_like(down)])
    phase = rng.integers(0, 2, count)
    drawn = np.where(phase[:, None, None] == 1, 1 - patterns[labels], patterns[labels])
    drawn = np.where((labels == len(CLASSES) - 1)[:, None, None], 0.5, drawn)
    pictures = 128 + 50 * (drawn[:, None] - 0.5) + rng.normal(0, noise, (count, 3, SIDE, SIDE))
    return Drawn(np.clip(pictures, 0, 255).astype(np.uint8), labels.astype(np.int64))


@cache
def drawn_splits() -> Splits:
    """The splits of :func:`tiny_workload`."""
    train, select, test = (draw(size, seed) for seed, size in enumerate(SIZES.values()))
    return Splits(train, select, test)


def fresh_net(seed: int = 0) -> TinyNet:
    """An untrained network, the same for the same seed; the global random state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TinyNet().eval()


@cache
def _trained() -> nn.Module:
    task = Classification(len(CLASSES))

    def objective(outputs: Any, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None
        return task.loss(outputs, batch.targets)

    return train(fresh_net(), drawn_splits().train, objective, Schedule(epochs=6, rate=1e-2, batch=32))


def trained_net() -> nn.Module:
    """A network that was trained on the drawn pictures; a copy of its own for each call."""
    return copy.deepcopy(_trained())


def residual_workload() -> Workload:
    """Drawn pictures with a network of residual blocks, the same one each time, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return tiny_workload(TinyResidual().eval())


def tiny_workload(module: nn.Module | None = None) -> Workload:
    """Drawn pictures with ``module``, by default the trained network."""
    splits = drawn_splits()
    return Workload(
        name="tiny",
        module=trained_net() if module is None else module,
        example=splits.test.take([0]).inputs,
        task=Classification(len(CLASSES)),
        splits=splits,
        classes=CLASSES,
        handling={"preprocessing": PREPROCESSING.to_json(), "output": {"kind": "logits"}},
    )


def tiny_context(folder: Path, original: Workload, *, target: str = "onnxruntime", seed: int = 0) -> Context:
    """A context whose original answers through PyTorch, from a copy in eval mode, as its artefact would."""
    copied = copy.deepcopy(original.module).eval()

    @torch.no_grad()
    def answer(batch: Batch) -> npt.NDArray[np.float32]:
        return copied(*batch.inputs).numpy()

    for name in ("own", "shared"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return Context(original, TARGETS.get(target)(), answer, folder / "own", folder / "shared", seed=seed)
