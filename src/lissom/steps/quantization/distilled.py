"""Learning to bear INT8: the model is taught by the original while it computes as it will in INT8."""

import copy
from dataclasses import dataclass

from torch import Tensor

from lissom.core.errors import LissomError
from lissom.core.units import format_epochs
from lissom.steps.quantization.calibration import check_any_layer
from lissom.steps.quantization.simulated import Simulated, input_ranges
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.train.device import best_device
from lissom.train.loop import Schedule, train
from lissom.train.teacher import LiveTeacher
from lissom.workload.workload import Batch, Workload, calibration_batches


@dataclass(frozen=True)
class DistillInt8(ModelStep):
    """Train with weights and inputs of layers rounded, towards what the original answers to the same view.

    The ranges of inputs are those of ``examples`` training inputs. No labels are needed. What comes out has plain
    weights that lose little when they are rounded: the step ``int8`` has to follow. Jacob et al. (2018, section 3)
    with the original as the teacher (Mishra and Marr, 2018, "Apprentice", section 4; Hinton, Vinyals and Dean, 2015,
    section 2).
    """

    epochs: int = 4
    rate: float = 1e-3
    batch: int = 128
    share: float = 1.0
    examples: int = 512

    name = "distill_int8"
    learns = True
    of_format = True

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.epochs < 1:
            raise LissomError(f"distillation over {self.epochs} epochs learns nothing")
        if not 0 < self.share <= 1:
            raise LissomError(f"a share of {self.share} of the examples is not possible", hint="give 0.01 to 1")

    @property
    def length(self) -> float:
        """See :class:`lissom.steps.step.ModelStep`."""
        return self.epochs * self.share

    def describe(self) -> str:
        return f"distill {format_epochs(self.length)} in INT8"

    def check(self, original: Workload) -> None:
        check_any_layer(original, self.name)

    def apply(self, workload: Workload, context: Context) -> Workload:
        check_any_layer(workload, self.name)
        split = workload.splits.train
        module = copy.deepcopy(workload.module).eval()
        batches = calibration_batches(split, examples=self.examples, batch=self.batch, seed=context.seed)
        ranges = input_ranges(module, context.progress.track(batches, "ranges for INT8", total=len(batches)))
        teacher = LiveTeacher(context.original.module, best_device())

        def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
            return workload.task.distance(outputs, teacher.answer(batch, view))

        short: list[str] = []
        trained = train(
            Simulated(module, ranges),
            split,
            objective,
            Schedule(
                self.epochs,
                self.rate,
                self.batch,
                weight_decay=0.0,
                views=workload.views,
                share=self.share,
                seed=context.seed,
            ),
            zeros=[f"module.{name}" for name in workload.zeros],
            checkpoint=context.folder / "distill_int8.pt",
            progress=context.progress,
            deadline=context.deadline,
            what="distilling in INT8",
            team=context.team,
            short=short.append,
        )
        assert isinstance(trained, Simulated)
        return workload.with_module(trained.module).with_notes(short)
