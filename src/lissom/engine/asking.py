"""A loaded artefact asked as its task has it: most answer in one go, and a text is said token by token."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lissom.targets.target import Arrays, Runner
from lissom.tasks import TASKS
from lissom.tasks.kind import Kind
from lissom.workload.workload import Workload


class Asked:
    """A loaded artefact whose outputs are whole answers.

    Args:
        runner: the artefact.
        kind: of its task.
        handling: of its workload, or of its bundle.
    """

    def __init__(self, runner: Any, kind: Kind, handling: Mapping[str, Any]) -> None:
        self._runner, self._kind, self._handling = runner, kind, handling

    def run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        """The answers to a batch of inputs, ``(batch, ...)``."""
        return [self._kind.answer(self._runner, inputs, self._handling)]


class InGroups:
    """A loaded artefact that is given a few examples at a time, so that what its layers hand on stays in the cache.

    Args:
        runner: the artefact.
        count: examples at a time at most.
    """

    def __init__(self, runner: Runner, count: int) -> None:
        self._runner, self._count = runner, count

    def run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        """The outputs for a batch of inputs, ``(batch, ...)`` each."""
        places = range(0, max(1, len(inputs[0])), self._count)
        parts = [self._runner.run([array[place : place + self._count] for array in inputs]) for place in places]
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def asked(runner: Runner, workload: Workload) -> Runner:
    """What the engine scores and times of a loaded artefact: its answers as the workload's task makes them."""
    return asked_for(runner, workload.task.name, workload.handling)


def asked_for(runner: Runner, task: str, handling: Mapping[str, Any]) -> Runner:
    """The same for a task by its name, and a handling."""
    kind: Kind = TASKS.get(task)
    return runner if kind.answers is None else Asked(runner, kind, handling)
