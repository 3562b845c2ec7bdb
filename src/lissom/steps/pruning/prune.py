"""Structured pruning: take units out of groups, and all that goes with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lissom.core.errors import LissomError
from lissom.graph import Coupling, capture, couple, prune
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
        names = {index: name for index, name, _ in self.removed}
        return without(workload, {index: units for index, _, units in self.removed}, names)


def without(
    workload: Workload, removed: Mapping[int, Sequence[int]], names: Mapping[int, str] | None = None
) -> Workload:
    """The workload with units removed from groups of its coupling (see :func:`lissom.graph.couple`).

    Args:
        workload: with a model that was not cut.
        removed: units by the number of their group.
        names: what groups are called, where the cut was planned with them.

    Raises:
        LissomError: the workload was cut before, a group is not called so, a layer would be left empty, or inputs
            have different lengths and the model's class cannot express the cut.
    """
    if workload.cut is not None:
        raise LissomError("the model was cut already", hint="join the two cuts into one step")
    coupling = couple(capture(workload.module, workload.example), keep=workload.keep)
    for index, name in (names or {}).items():
        check_group(coupling, index, name)
    pruned = prune(workload.module, cut := coupling.cut(removed), coupling=coupling)
    if not pruned.own_class and isinstance(workload.splits.train, Lengthy):
        raise LissomError(
            f"so cut, {workload.name} would be a graph that takes one length of input alone: {pruned.notes[-1]}",
            hint="cut heads, not their sizes: the model's class takes one size for queries, keys and values",
        )
    return workload.with_module(pruned.module).with_changes([cut]).with_notes(pruned.notes)


def check_group(coupling: Coupling, index: int, name: str) -> None:
    """Whether a group is the one that a cut was planned for.

    Raises:
        LissomError: there is none of that number, or it is called otherwise.
    """
    if not 0 <= index < len(coupling.groups) or coupling.groups[index].name != name:
        raise LissomError(f"there is no group {index} called {name}", hint="the cut was planned for another model")
