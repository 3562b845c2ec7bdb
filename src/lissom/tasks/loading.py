"""Load a workload: the one door to models and data. This is ``lissom.load``."""

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks import TASKS
from lissom.workload.request import Request
from lissom.workload.workload import Workload


def load(
    model: str | nn.Module,
    *,
    data: Any,
    task: str = "image",
    weights: str | Path | None = None,
    random_weights: bool = False,
    download: bool = False,
    seed: int = 0,
    keep: Sequence[str] = (),
    select: float | None = None,
    limit: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Workload:
    """Load a model with its data and its task.

    Args:
        model: ``zoo:NAME``, ``torchvision:NAME``, ``timm:NAME``, ``file.py:function``, or a module.
        data: what the task reads; for images a known data set's name, a folder or zip of class folders, a CSV
            of files and labels, ``file.py:function``, or what such a function returns.
        task: a name in ``TASKS``.
        weights: a ``.safetensors`` file or what ``torch.save`` writes of a state dict.
        random_weights: do without trained weights; the guard is then agreement with the original.
        download: allow weights and known data sets to be fetched.
        seed: of every random choice.
        keep: name patterns of layers to leave alone.
        select: share or number of training examples to choose by, where the data has no split for that.
        limit: use at most so many examples of each split (the quick mode).
        progress: shows what takes over two seconds; by default where standard error is a terminal.
        options: the task's own; for images the fields of :class:`lissom.tasks.image.options.ImageOptions`.

    Raises:
        LissomError: anything that the user can mend, said before anything slow starts.
    """
    if limit is not None and limit < 1:
        raise LissomError(f"a limit of {limit} examples leaves nothing", hint="give at least 1")
    request = Request(
        data=data,
        weights=None if weights is None else Path(weights),
        random_weights=random_weights,
        download=download,
        seed=seed,
        keep=tuple(keep),
        select=select,
        limit=limit,
    )
    workload = TASKS.get(task).load(model, request, options, progress or Progress())
    _check_keep(workload)
    return workload


def _check_keep(workload: Workload) -> None:
    names = [name for name, _ in workload.module.named_modules() if name]
    names += [name for name, _ in workload.module.named_parameters()]
    for pattern in workload.keep:
        if not fnmatch.filter(names, pattern):
            raise LissomError(
                f"--keep {pattern!r} names no layer of {workload.name}",
                hint=f"layers are called {', '.join(names[:2])}, ..., {names[-1].rpartition('.')[0]}",
            )
