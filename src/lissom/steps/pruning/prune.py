"""Structured pruning: take units out of groups, and all that goes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lissom.core.errors import LissomError
from lissom.graph import capture, couple, prune
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Lengthy, Workload


@dataclass(frozen=True)
class Prune(ModelStep):
    """Remove the named units.

    ``removed`` holds for each group its number, its name and the units that go.
    """

    removed: tuple[tuple[int, str, tuple[int, ...]], ...]

    name = "prune"

    def describe(self) -> str:
        units = sum(len(units) for _, _, units in self.removed)
        return f"prune {units} units of {len(self.removed)} groups"

    def apply(self, workload: Workload, context: Context) -> Workload:
        return without(workload, {index: units for index, _, units in self.removed})


def without(workload: Workload, removed: Mapping[int, Sequence[int]]) -> Workload:
    """The workload with units removed from groups of its coupling (see :func:`lissom.graph.couple`).

    Raises:
        LissomError: the workload was cut before, a layer would be left empty, or inputs have different lengths and
            the model's class cannot express the cut.
    """
    if workload.cut is not None:
        raise LissomError("the model was cut already", hint="join the two cuts into one step")
    coupling = couple(capture(workload.module, workload.example), keep=workload.keep)
    pruned = prune(workload.module, cut := coupling.cut(removed), coupling=coupling)
    if not pruned.own_class and isinstance(workload.splits.train, Lengthy):
        raise LissomError(
            f"so cut, {workload.name} would be a graph that takes one length of input alone: {pruned.notes[-1]}",
            hint="cut heads, not their sizes: the model's class takes one size for queries, keys and values",
        )
    return workload.with_module(pruned.module).with_changes([cut]).with_notes(pruned.notes)
