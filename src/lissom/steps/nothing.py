"""The step that does nothing: the measure of what a step costs by itself."""

from dataclasses import dataclass

from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Workload


@dataclass(frozen=True)
class Nothing(ModelStep):
    """Gives the workload back."""

    name = "nothing"

    def describe(self) -> str:
        return "nothing"

    def apply(self, workload: Workload, context: Context) -> Workload:
        return workload
