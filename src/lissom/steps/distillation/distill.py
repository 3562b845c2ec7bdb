"""Distillation: the changed model learns to answer as the original does."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.steps.step import Context, ModelStep
from lissom.train.device import best_device
from lissom.train.loop import Objective, Schedule, train
from lissom.train.teacher import CachedTeacher, LiveTeacher, Teacher, keep_answers
from lissom.workload.workload import Batch, Task, Workload


@dataclass(frozen=True)
class Distill(ModelStep):
    """Train with the original as the teacher (Hinton, Vinyals and Dean, 2015, section 2).

    ``labels`` is the weight of the task's own loss beside the distance to the teacher. ``views`` augmented
    views are shown in turn and the teacher's answers to them kept on disk; 0 runs the teacher on every batch.
    ``share`` of the training examples is seen in an epoch.
    """

    epochs: int
    rate: float = 6e-3
    batch: int = 128
    labels: float = 0.5
    views: int = 2
    share: float = 1.0

    name = "distill"

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise LissomError(f"distillation over {self.epochs} epochs learns nothing")
        if not 0 <= self.labels <= 1:
            raise LissomError(f"the weight of the labels is {self.labels}; it lies between 0 and 1")
        if not 0 < self.share <= 1:
            raise LissomError(f"a share of {self.share} of the examples is not possible", hint="give 0.01 to 1")

    def describe(self) -> str:
        return f"distill {self.epochs * self.share:.3g} epochs"

    def apply(self, workload: Workload, context: Context) -> Workload:
        schedule = Schedule(
            self.epochs,
            self.rate,
            self.batch,
            views=self.views or None,
            share=self.share,
            seed=context.seed,
        )
        labels = self.labels if workload.labelled else 0.0
        trained = train(
            workload.module,
            workload.splits.train,
            distillation(workload.task, self._teacher(context), labels),
            schedule,
            zeros=workload.zeros,
            checkpoint=context.folder / "distill.pt",
            progress=context.progress,
            deadline=context.deadline,
            what="distilling",
        )
        return workload.with_module(trained)

    def _teacher(self, context: Context) -> Teacher:
        device = best_device()
        if not self.views:
            return LiveTeacher(context.original.module, device)
        folder = context.shared / "teacher"
        split = context.original.splits.train
        keep_answers(
            split,
            context.answer,
            folder,
            views=self.views,
            progress=context.progress,
            what="asking the original",
        )
        return CachedTeacher(folder, self.views, device)


def distillation(task: Task, teacher: Teacher, labels: float) -> Objective:
    """The objective ``labels * loss + (1 - labels) * distance to the teacher``."""

    def objective(outputs: torch.Tensor, batch: Batch, view: int) -> Tensor:
        far = task.distance(outputs, teacher.answer(batch, view))
        if labels == 0 or batch.targets is None:
            return far
        return labels * task.loss(outputs, batch.targets) + (1 - labels) * far

    return objective
