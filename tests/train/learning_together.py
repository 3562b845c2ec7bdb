"""One of several processes that learn together. Started by test_team.py; what it learnt is written to a folder."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lissom.core.progress import Deadline
from lissom.steps.distillation.lesson import Lesson, Term, taps
from lissom.steps.distillation.pairing import propose
from lissom.steps.distillation.teachers import Live
from lissom.testing import fresh_net, tiny_workload
from lissom.testing.tiny import draw
from lissom.train.device import Device
from lissom.train.loop import Schedule, supervised, train
from lissom.train.tapped import Tapped
from lissom.train.team import ALONE, Team, assemble
from lissom.workload.workload import Batch

SPLIT = draw(70, 0)
SCHEDULE = Schedule(epochs=2, rate=5e-3, batch=15)  # batches of 15 and a last one of 10: no half of them is another's
TERMS = (Term("logits"), Term("hints", 0.5), Term("attention_transfer", 10.0))
HERE = Device("cpu", mixed=False)


def plain(seed: int = 0) -> nn.Module:
    """A network whose answer to an example depends on no other: without BatchNorm."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
        ).eval()  # fmt: skip


def by_labels(team: Team, **more: Any) -> nn.Module:
    """Learnt from labels. Without the leader's weights the other process would begin elsewhere."""
    objective = supervised(tiny_workload(nn.Identity()).task)
    return train(plain(seed=team.rank), SPLIT, objective, SCHEDULE, device=HERE, team=team, **more)


def by_layers(team: Team) -> tuple[nn.Module, Lesson]:
    """Learnt from what the teacher's layers put out, through projections that are learnt along."""
    student, teacher = plain(), fresh_net(1)
    workload = tiny_workload(teacher)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pairing = propose(student, teacher, workload.example)
        ours, theirs = taps(TERMS, pairing)
        lesson = Lesson(workload.task, Live(teacher, theirs, HERE), TERMS, pairing)
    tapped = Tapped(student, ours)
    return train(tapped, SPLIT, lesson, SCHEDULE, device=HERE, team=team), lesson


def state(*modules: nn.Module) -> dict[str, Tensor]:
    """All their weights and buffers."""
    return {
        f"{number}.{name}": value for number, part in enumerate(modules) for name, value in part.state_dict().items()
    }


class Late(Deadline):
    """Passed after so many looks."""

    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.looks = looks

    def passed(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def broken(team: Team) -> str:
    """What is said when the loss is no number in the second process alone."""

    def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
        return outputs.sum() * (float("nan") if team.rank == 1 else 1.0)

    try:
        train(plain(), SPLIT, objective, SCHEDULE, device=HERE, team=team)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def main(folder: Path) -> None:
    """All that is to be shown, in turn, so that the processes are started once."""
    torch.set_num_threads(1)
    team = assemble()
    labels = by_labels(team)
    layers, lesson = by_layers(team)
    hurried = by_labels(team, deadline=Late(6) if team.rank == 1 else Deadline(None))
    checkpoint = folder / "checkpoint.pt"
    by_labels(team, checkpoint=checkpoint)
    again = by_labels(team, checkpoint=checkpoint)
    found = {
        "count": team.count,
        "labels": state(labels),
        "layers": state(layers, lesson),
        "hurried": state(hurried),
        "again": state(again),
        "broken": broken(team),
        "hooks": sum(len(part._forward_hooks) for part in layers.modules()),
        "names": [name for name, _ in layers.named_parameters()],
    }
    torch.save(found, folder / f"process-{team.rank}.pt")


if __name__ == "__main__":
    assert ALONE.leads
    main(Path(sys.argv[1]))
