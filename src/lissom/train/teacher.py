"""A teacher's answers: kept on disk for the examples as they are or for a fixed set of views, or given live.

Answers are kept only where that is valid: an augmented view is the same picture each time it is asked for.
"""

import copy
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.train.batches import in_order, prepared
from lissom.train.device import Device, in_usual_order
from lissom.workload.workload import Batch, Split

Answer = Callable[[Batch], npt.NDArray[np.float32]]
MOST_BYTES = 4_000_000_000  # that answers may take on disk
_FILL_BATCH = 250
_LARGEST = float(np.finfo(np.float16).max)


class Teacher(Protocol):
    """Whoever answers for a batch."""

    views: int | None

    def answer(self, batch: Batch, view: int) -> Tensor:
        """The teacher's outputs for ``batch``, which shows ``view`` of its examples, ``(batch, ...)``."""
        ...


class LiveTeacher:
    """Runs the original on every batch. Any number of views."""

    views: int | None = None

    def __init__(self, module: nn.Module, device: Device) -> None:
        self._module = copy.deepcopy(module).eval().to(device.name)
        self._device = device

    @torch.no_grad()
    def answer(self, batch: Batch, view: int) -> Tensor:
        with self._device.autocast():
            return self._module(*in_usual_order(batch.inputs)).float()


class CachedTeacher:
    """Answers in half precision on disk, from :func:`keep_answers`.

    Args:
        folder: where the files are.
        views: of how many augmented views there are answers, or 1: the answer to an example as it is holds for
            every view of it.
        device: where answers are wanted.
    """

    def __init__(self, folder: Path, views: int, device: Device) -> None:
        self.views = None if views == 1 else views
        self._device = device
        self._kept = [np.load(_file(folder, view), mmap_mode="r") for view in _shown(views)]

    def answer(self, batch: Batch, view: int) -> Tensor:
        kept = self._kept[0 if self.views is None else view]
        found = kept[batch.indices.numpy()]
        return torch.from_numpy(np.asarray(found, dtype=np.float32)).to(self._device.name)


def keep_answers(split: Split, answer: Answer, folder: Path, *, views: int, progress: Progress, what: str) -> None:
    """Ask for every example in every view and keep the answers; files that are there already stay.

    Args:
        split: the examples.
        answer: the teacher's outputs of a batch, ``(batch, ...)``.
        folder: where to keep them.
        views: how many augmented views, or 1 for the examples as they are.
        progress: where to show it.
        what: what the bar says.
    """
    groups = in_order(len(split), _FILL_BATCH)
    for view in _shown(views):
        file = _file(folder, view)
        if file.exists():
            continue
        said = what if view is None else f"{what}, view {view + 1} of {views}"
        parts = [
            answer(batch).clip(-_LARGEST, _LARGEST).astype(np.float16)
            for batch in progress.track(prepared(split, groups, view), said, total=len(groups))
        ]
        with whole_file(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, np.concatenate(parts))


def answered(folder: Path, *, in_views: bool = False) -> int:
    """Of how many views the answers to all examples have been kept in ``folder``; 1 where it is as they are."""
    if not in_views:
        return int(_file(folder, None).exists())
    return next(view for view in itertools.count() if not _file(folder, view).exists())


def cache_bytes(examples: int, outputs: int, views: int = 1) -> int:
    """What the answers to so many views take on disk."""
    return examples * outputs * views * 2


def _shown(views: int) -> list[int | None]:
    """What the teacher is asked about: ``None`` is an example as it is."""
    return [None] if views == 1 else list(range(views))


def _file(folder: Path, view: int | None) -> Path:
    return folder / ("plain.npy" if view is None else f"view-{view}.npy")
