"""The model of a workload, of any task: loaded as the request says, and run once before anything slow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.classification import logits
from lissom.tasks.listing import Found
from lissom.workload.models import LoadedModel, load_model
from lissom.workload.request import Request


def model_for(
    spec: str | nn.Module,
    request: Request,
    progress: Progress,
    *,
    data: str = "",
    classes_of: Found | None = None,
) -> LoadedModel:
    """The model that a request names.

    Args:
        spec: the model, as :func:`lissom.workload.models.load_model` takes it.
        request: says where its weights come from.
        progress: shows what is waited for.
        data: the name of a known data set, for which the package may carry weights.
        classes_of: data whose classes a model with random weights gets outputs for; weights tell it by themselves.

    Raises:
        LissomError: see :func:`lissom.workload.models.load_model`.
    """
    return load_model(
        spec,
        weights=request.weights,
        random_weights=request.random_weights,
        download=request.download,
        num_classes=_count(classes_of) if classes_of is not None and request.random_weights else None,
        data=data,
        progress=progress,
    )


def _count(found: Found) -> int | None:
    """How many classes data have, by their names or by the highest label."""
    if found.classes:
        return len(found.classes)
    labels = [part.labels for part in found.parts.values() if part.labels is not None]
    return int(max(part.max() for part in labels)) + 1 if labels else None


@dataclass(frozen=True)
class Wording:
    """How messages speak of a task whose answers are classes.

    Args:
        task: as in ``keyword spotting``.
        one: what an example is called, as in ``clip``.
        given: what the model is given, as in ``features``.
    """

    task: str
    one: str
    given: str


def classes_answered(loaded: LoadedModel, example: Tensor, wording: Wording, *, hint: str | Sequence[str]) -> int:
    """Run the model once: does it take this input, and how many classes does it answer?

    Args:
        loaded: the model; it is in evaluation mode then.
        example: one input, ``(1, ...)``.
        wording: of the task, for messages.
        hint: what to do where it does not take that.

    Raises:
        LissomError: it cannot be run, or answers no two scores or more.
    """
    loaded.module.eval()
    shape = tuple(example.shape)
    try:
        with torch.no_grad():
            outputs = loaded.module(example)
    except Exception as error:  # the user's own forward may raise anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LissomError(
            f"{loaded.name} cannot be run on {wording.given} of {shape}: {reason[:200]}", hint=hint
        ) from error
    answer = _scores(outputs)
    if answer is None or answer.ndim != 2 or len(answer) != 1 or answer.shape[1] < 2:
        told = type(outputs).__name__ if answer is None else tuple(answer.shape)
        raise LissomError(
            f"{loaded.name} answers one {wording.one} with {told}, not (1, classes)",
            hint=f"{wording.task} needs one score for each of at least two classes",
        )
    return int(answer.shape[1])


def _scores(outputs: Any) -> Tensor | None:
    """The scores among what a model returned; ``None`` where there are none."""
    try:
        found: Any = logits(outputs)
    except (TypeError, KeyError, IndexError):
        return None
    return found if isinstance(found, Tensor) else None
