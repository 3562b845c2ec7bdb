"""The one training loop: AdamW, one cycle that ends within the time left, resumable after each epoch."""

import contextlib
import copy
import io
import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.allocator import freed_memory_kept
from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.progress import Deadline, Progress
from lissom.train.batches import lengths_of, prepared, shuffled
from lissom.train.cycle import Cycle
from lissom.train.device import Device, best_device
from lissom.train.tapped import in_float
from lissom.train.team import ALONE, Team
from lissom.workload.workload import Batch, Split, Task

Objective = Callable[[Any, Batch, int], Tensor]
_PRIME = 7919  # apart are the random numbers of two processes


def supervised(task: Task) -> Objective:
    """The objective of learning from labels alone: the task's own loss."""

    def objective(outputs: Any, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None, "there are no labels to learn from"
        return task.loss(outputs, batch.targets)

    return objective


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    The rate goes through one :class:`lissom.train.cycle.Cycle` that rises over ``warm_up`` of the steps. ``views``
    bounds the augmented views that are shown in turn; ``None`` for a new one each epoch. ``share`` of the examples,
    drawn anew, is seen in an epoch, for data too large for the time.
    """

    epochs: int
    rate: float = 2e-3
    batch: int = 128
    weight_decay: float = 1e-2
    warm_up: float = 0.2
    views: int | None = None
    share: float = 1.0
    seed: int = 0


@freed_memory_kept()
def train(
    module: nn.Module,
    split: Split,
    objective: Objective,
    schedule: Schedule,
    *,
    zeros: Sequence[str] = (),
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    deadline: Deadline | None = None,
    what: str = "training",
    device: Device | None = None,
    team: Team = ALONE,
    short: Callable[[str], None] | None = None,
) -> nn.Module:
    """Train a copy of ``module``.

    Args:
        module: the model; it is not changed.
        split: examples to learn from.
        objective: the loss of outputs on a batch that shows a view: ``objective(outputs, batch, view)``. The
            weights of one that is a module are learnt along, in place.
        schedule: epochs, rate and batch.
        zeros: names of weights of which the zeros stay zero.
        checkpoint: a file that is written after each epoch and gone on from when it is there.
        progress: where to show it.
        deadline: the cycle is shortened so that it ends before.
        what: what the bar says.
        device: where to train; by default the best there is.
        team: the processes that share each batch, all of which call this with the same arguments. The gradients are
            those of the whole batch where the loss is a mean over examples; BatchNorm sees each process's part alone.
        short: is told where the deadline allowed fewer epochs than were planned.

    Returns:
        The trained copy, in eval mode on the processor.

    Raises:
        LissomError: the loss is not a number any more, or a process of the team was lost.
    """
    device = (device or best_device()).suited(module, split)
    learner = device.place(copy.deepcopy(module))
    per_epoch = max(1, math.ceil(len(_order(split, schedule, 0)) * schedule.share))
    own = objective.train().to(device.name) if isinstance(objective, nn.Module) else nn.Module()
    cycle = Cycle(schedule.epochs * per_epoch, schedule.warm_up, deadline, team.led)
    team.align(tensor for part in (learner, own) for tensor in (*part.parameters(), *part.buffers()))
    state = _State(learner, own, schedule, cycle, zeros, team)
    if checkpoint is not None and team.led(checkpoint.exists()):
        state.load(checkpoint)
    for epoch in range(state.epoch, schedule.epochs):
        if cycle.finished or (deadline is not None and team.led(deadline.passed())):
            break
        learner.train()
        view = epoch if schedule.views is None else epoch % schedule.views
        groups = _order(split, schedule, epoch)[:per_epoch]
        shares = [team.share(group) for group in groups]
        bar = (progress or Progress(False)).track(
            prepared(split, [mine for mine, _ in shares], view),
            f"{what}, epoch {epoch + 1} of {schedule.epochs}",
            total=len(groups),
        )
        weighted = zip(bar, [weight for _, weight in shares], strict=False)
        with _own_random_state(schedule.seed + _PRIME * team.rank, epoch, device):
            whole = _epoch(state, device, weighted, objective, view, deadline or Deadline(None))
        team.level(learner.buffers())  # the objective's are of the examples that each process saw
        if not whole:
            break
        state.epoch = epoch + 1
        if checkpoint is not None and team.leads:
            state.save(checkpoint)
    if cycle.step < cycle.planned:
        _tell(f"{what}: the time allowed {cycle.step / per_epoch:.3g} of {schedule.epochs} epochs", progress, short)
    return device.bring_back(learner).eval()


def _tell(what: str, progress: Progress | None, short: Callable[[str], None] | None) -> None:
    if progress is not None:
        progress.say(what)
    if short is not None:
        short(what)


def _order(split: Split, schedule: Schedule, epoch: int) -> list[list[int]]:
    lengths = lengths_of(split)
    return shuffled(len(split), schedule.batch, seed=schedule.seed, epoch=epoch, lengths=lengths)


@contextlib.contextmanager
def _own_random_state(seed: int, epoch: int, device: Device) -> Generator[None]:
    """Dropout draws the same in an epoch whether or not there was a pause before it."""
    with torch.random.fork_rng(devices=[] if device.name == "cpu" else None):
        torch.manual_seed(seed * 100_003 + epoch)
        yield


class _State:
    """What a resumed training needs: model, the objective's own weights, optimiser, step and epoch."""

    def __init__(
        self,
        learner: nn.Module,
        own: nn.Module,
        schedule: Schedule,
        cycle: Cycle,
        zeros: Sequence[str],
        team: Team,
    ) -> None:
        self.learner, self.own, self.schedule, self.cycle, self.epoch = learner, own, schedule, cycle, 0
        self.team = team
        self.learnt = learnt = [p for p in (*learner.parameters(), *own.parameters()) if p.requires_grad]
        decayed = [p for p in learnt if p.dim() > 1]
        plain = [p for p in learnt if p.dim() <= 1]
        groups = [
            {"params": decayed, "weight_decay": schedule.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=schedule.rate)
        held = [learner.get_parameter(name) for name in zeros]
        self.masks = [(parameter, parameter.detach() != 0) for parameter in held]

    def advance(self) -> None:
        """Take one optimiser step at the rate that the schedule has for it."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate * self.cycle.rate
        self.optimizer.step()
        with torch.no_grad():
            for parameter, mask in self.masks:
                parameter.mul_(mask)
        self.optimizer.zero_grad(set_to_none=True)
        self.cycle.advance()

    def save(self, path: Path) -> None:
        state = {
            "model": self.learner.state_dict(),
            "objective": self.own.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "cycle": self.cycle.state(),
        }
        kept = io.BytesIO()
        torch.save(state, kept)  # its own writer has no words for a full disk
        with whole_file(path) as temporary:
            temporary.write_bytes(kept.getbuffer())

    def load(self, path: Path) -> None:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, OSError, UnpicklingError) as error:
            raise LissomError(
                f"the checkpoint {path} cannot be read", hint="delete it: that training then starts again"
            ) from error
        self.learner.load_state_dict(state["model"])
        self.own.load_state_dict(state.get("objective", {}))
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch = state["epoch"]
        self.cycle.resume(state["cycle"])


def _epoch(
    state: _State,
    device: Device,
    batches: Iterable[tuple[Batch, float]],
    objective: Objective,
    view: int,
    deadline: Deadline,
) -> bool:
    """Learn from every batch, each with its weight, or until the cycle ends; whether the deadline left the time."""
    team = state.team
    for batch, weight in batches:
        if state.cycle.finished:
            return True
        if team.any(deadline.passed())[0]:
            return False
        sent = device.send(batch)
        with device.autocast():
            outputs = state.learner(*sent.inputs)
        loss = objective(in_float(outputs), sent, view)
        if team.any(not torch.isfinite(loss))[0]:
            value = "no number in another process" if torch.isfinite(loss) else loss.item()
            raise LissomError(
                f"the loss became {value} at step {state.cycle.step} (rate {state.schedule.rate:g})",
                hint="lower the learning rate, or check the inputs for NaN",
            )
        (loss * weight).backward()
        team.average(state.learnt)
        state.advance()
    return True
