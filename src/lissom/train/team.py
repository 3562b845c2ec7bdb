"""Several processes that learn together, one batch shared among them: who leads, and what they agree on.

Gradients are averaged after the backward pass and nothing is wrapped around a model, so that layers keep their names
and hooks fire as they do in one process.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError, MissingExtraError, first_line
from lissom.train.device import best_device

_PATIENCE = timedelta(days=7)  # while the leader measures, the others wait


class Team:
    """One process alone. It leads, agrees with itself, and has the whole of each batch."""

    rank, count = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this is the process that measures, decides and writes."""
        return self.rank == 0

    def share(self, group: Sequence[int]) -> tuple[Sequence[int], float]:
        """This process's part of a batch, and the weight of its mean loss: the mean over processes is the batch's.

        A batch of fewer examples than there are processes is shown with the weight nothing where it does not reach.
        """
        mine = group[self.rank :: self.count]
        return (mine, len(mine) * self.count / len(group)) if mine else (group[:1], 0.0)

    def led(self, value: Any) -> Any:
        """The leader's value, which JSON can write: the same for all from here on."""
        return value

    def any(self, *values: bool) -> list[bool]:
        """For each value whether it is true in one process at least."""
        return list(values)

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the mean over the processes in the place of each gradient; there is none only where nobody has one."""

    def align(self, tensors: Iterable[Tensor]) -> None:
        """Begin with the leader's values, in place."""

    def level(self, tensors: Iterable[Tensor]) -> None:
        """Go on with the mean over the processes, in place (what BatchNorm counts)."""


ALONE = Team()


class Processes(Team):
    """The processes that a launcher has started, through Accelerate.

    Raises:
        LissomError: they do not find each other.
    """

    def __init__(self) -> None:
        import torch.distributed as dist
        from accelerate import PartialState

        try:
            state = PartialState(cpu=best_device().name == "cpu", timeout=_PATIENCE)
            self._dist, self.rank, self.count, self._device = (
                dist,
                state.process_index,
                state.num_processes,
                state.device,
            )
            # messages go between processors: those who wait neither turn in circles nor hold a GPU
            self._talk = dist.new_group(backend="gloo", timeout=_PATIENCE)
        except (RuntimeError, ValueError) as error:
            raise LissomError(
                f"the processes do not find each other: {first_line(error)}",
                hint="start all of them by one torchrun a machine, with the same numbers on each",
            ) from error

    def led(self, value: Any) -> Any:
        told = torch.frombuffer(bytearray(json.dumps(value), "utf-8"), dtype=torch.uint8)
        length = torch.tensor(len(told))
        with _together():
            self._dist.broadcast(length, src=0, group=self._talk)
            told = told if self.leads else torch.empty(int(length), dtype=torch.uint8)
            self._dist.broadcast(told, src=0, group=self._talk)
        return json.loads(bytes(told.tolist()))

    def any(self, *values: bool) -> list[bool]:
        told = torch.tensor(values, dtype=torch.uint8)
        with _together():
            self._dist.all_reduce(told, op=self._dist.ReduceOp.MAX, group=self._talk)
        return [bool(value) for value in told.tolist()]

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        wanted = self.any(*(parameter.grad is not None for parameter in parameters))
        gradients: list[Tensor] = []
        for parameter, needed in zip(parameters, wanted, strict=True):
            if needed:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        self.level(gradients)

    def align(self, tensors: Iterable[Tensor]) -> None:
        from accelerate.utils import broadcast

        self._in_one(tensors, lambda flat: broadcast(flat, from_process=0))

    def level(self, tensors: Iterable[Tensor]) -> None:
        from accelerate.utils import reduce

        self._in_one((tensor for tensor in tensors if tensor.is_floating_point()), lambda flat: reduce(flat, "mean"))

    @torch.no_grad()
    def _in_one(self, tensors: Iterable[Tensor], work: Any) -> None:
        """All tensors of a type as one message."""
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            kinds.setdefault(tensor.dtype, []).append(tensor)
        for found in kinds.values():
            flat = torch.cat([tensor.reshape(-1) for tensor in found]).to(self._device)
            with _together():
                flat = work(flat)
            for tensor, part in zip(found, flat.split([tensor.numel() for tensor in found]), strict=True):
                tensor.copy_(part.view(tensor.shape))


@contextmanager
def _together() -> Iterator[None]:
    """Says that another process was lost, where a message to it fails."""
    try:
        yield
    except RuntimeError as error:
        raise LissomError(
            f"a process of this run was lost: {first_line(error)}",
            hint="the same command goes on after the last finished epoch; what the lost one said is above",
        ) from error


def assemble() -> Team:
    """The processes that a launcher such as ``torchrun`` has started, or one alone.

    Raises:
        LissomError: there are several and Accelerate is not installed, or they do not find each other.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return ALONE
    if find_spec("accelerate") is None:
        raise MissingExtraError("accelerate", "accelerate", f"a start with {count} processes")
    return Processes()
