"""Who teaches: one model or several, live with what their layers put out, or by answers that were kept."""

import copy
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.train.device import Device, in_usual_order
from lissom.train.tapped import Seen, Tapped
from lissom.train.teacher import Teacher
from lissom.workload.workload import Batch


class Teaching(Protocol):
    """What a lesson is about."""

    def seen(self, batch: Batch, view: int) -> Seen:
        """The teacher's outputs and features for a batch that shows ``view`` of its examples."""
        ...


class ByAnswers:
    """A teacher of answers alone, kept or live."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    def seen(self, batch: Batch, view: int) -> Seen:
        return Seen(self._teacher.answer(batch, view), {})


class Live:
    """Runs the teacher on every batch.

    Args:
        module: the teacher; a copy of it is run.
        names: layers whose outputs are wanted.
        device: where.
    """

    def __init__(self, module: nn.Module, names: Sequence[str], device: Device) -> None:
        self._tapped = Tapped(copy.deepcopy(module).eval().requires_grad_(False).to(device.name), names)
        self._device = device

    @torch.no_grad()
    def seen(self, batch: Batch, view: int) -> Seen:
        with self._device.autocast():
            found = self._tapped(*in_usual_order(batch.inputs))
        return Seen(found.outputs.float(), {name: value.float() for name, value in found.features.items()})


class Several:
    """Several teachers: the mean of their probabilities, as scores; features come from the first.

    Hinton, Vinyals and Dean, 2015, section 5 (distilling an ensemble).

    Args:
        teachers: at least one.
        weights: of each; by default alike.
    """

    def __init__(self, teachers: Sequence[Teaching], weights: Sequence[float] = ()) -> None:
        if not teachers or (weights and len(weights) != len(teachers)):
            raise LissomError(f"{len(teachers)} teachers with {len(weights)} weights", hint="give one weight for each")
        shares = torch.tensor(weights or [1.0] * len(teachers))
        self._teachers, self._shares = tuple(teachers), (shares / shares.sum()).tolist()

    def seen(self, batch: Batch, view: int) -> Seen:
        found = [teacher.seen(batch, view) for teacher in self._teachers]
        shapes = {tuple(item.outputs.shape) for item in found}
        if len(shapes) > 1:
            raise LissomError(
                f"the teachers answer {' and '.join(str(shape[1:]) for shape in sorted(shapes))} outputs",
                hint="all have to know the same classes",
            )
        return Seen(mean_answer([item.outputs for item in found], self._shares), found[0].features)


def mean_answer(outputs: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The logarithm of the weighted mean of probabilities, ``(batch, classes)``."""
    weighted = [
        scores.log_softmax(-1) + torch.tensor(share).log() for scores, share in zip(outputs, shares, strict=True)
    ]
    return torch.stack(weighted).logsumexp(0)
