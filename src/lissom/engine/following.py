"""What a process does that does not lead a run: it learns along whenever the leader carries out a step that learns.

The leader alone measures, decides and writes. A step is a value, and the model before it is in the run's folder as
data, so an order is a few lines: which step, on top of which model.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from lissom.core.errors import LissomError
from lissom.core.progress import Deadline
from lissom.engine.identity import weights_of
from lissom.engine.models import restore_model
from lissom.steps.step import Context, ModelStep, step_from_json
from lissom.targets.target import Target
from lissom.train.team import Team
from lissom.workload.workload import Batch, Workload

_ENOUGH_S = 1e9  # the leader's clock decides; without a limit of its own a process would never look at it


def follow(workload: Workload, target: Target, folder: Path, *, seed: int, team: Team) -> bool | None:
    """Carry out the leader's orders until it dismisses the team.

    Args:
        workload: the same original as the leader's.
        target: what a step may ask for; nothing is measured on it here.
        folder: of the run, which all processes have to see.
        seed: of the run.
        team: this process and the others.

    Returns:
        Whether the leader met the budget; ``None`` where it ended with an error of its own.

    Raises:
        LissomError: this process started from other weights, or does not see the run's folder.
    """
    work = folder / "work"
    context = Context(workload, target, _never, work, work, seed=seed, deadline=Deadline(_ENOUGH_S), team=team)
    _check_weights(workload, team)
    while True:
        order: dict[str, Any] = team.led(None)
        if "met" in order:
            return order["met"]
        step = step_from_json(order["step"])
        assert isinstance(step, ModelStep)
        step.apply(_before(order, workload, work), replace(context, folder=work / "steps" / order["folder"]))


def greet(workload: Workload, team: Team) -> None:
    """What the leader does first: its weights are those that all have to have."""
    _check_weights(workload, team)


def dismiss(team: Team, met: bool | None) -> None:
    """The leader is done; ``None`` for an error."""
    team.led({"met": met})


def _check_weights(workload: Workload, team: Team) -> None:
    same = team.led(weights_of(workload)) == weights_of(workload)
    if team.any(not same)[0]:
        raise LissomError(
            f"the processes of this run loaded different weights of {workload.name}",
            hint="give all of them the same checkpoint, or the same seed",
        )


def _before(order: dict[str, Any], workload: Workload, work: Path) -> Workload:
    if order["before"] is None:
        return workload
    place = work / "steps" / order["before"]
    if not place.is_dir():
        raise LissomError(
            f"this process does not see {place}, which the leading one wrote",
            hint="choose a folder on a file system that all machines share with -o",
        )
    return restore_model(place, workload, tuple(order["notes"]))


def _never(batch: Batch) -> NoReturn:
    raise AssertionError("the leader asks the original")
