"""Distillation: the changed model learns to answer as the original does, and to look the same inside."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.core.units import format_bytes, format_epochs
from lissom.steps.distillation.further import answer_shape, further
from lissom.steps.distillation.lesson import ANSWERS, CLASSES, Lesson, Term, padding_masks, taps
from lissom.steps.distillation.pairing import Pairing, by_token, given_pairs, propose
from lissom.steps.distillation.teachers import ByAnswers, Live, Several, Teaching
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.train.device import best_device
from lissom.train.loop import Objective, Schedule, train
from lissom.train.tapped import Tapped
from lissom.train.teacher import MOST_BYTES, CachedTeacher, LiveTeacher, Teacher, cache_bytes, keep_answers
from lissom.workload.workload import Batch, Split, Task, Worded, Workload


@dataclass(frozen=True)
class Distill(ModelStep):
    """Train with the original as the teacher (Hinton, Vinyals and Dean, 2015, section 2).

    ``labels`` is the weight of the task's own loss beside the distance to the teacher. The teacher answers once, with
    ``views`` 1, for each example as it is, and the learner sees a new view of it each epoch; with more, for so many
    augmented views, which are shown in turn. Both are kept on disk, up to ``MOST_BYTES``; beyond, and with 0, the
    teacher runs on every batch. ``share`` of the training examples is seen in an epoch.

    ``losses`` are names out of ``LOSSES`` with weights, in the place of the task's own distance; ``settings`` are
    numbers of theirs in the place of those of the papers, each a loss, a name and a value. Losses that compare layers
    run the teacher on every batch; ``pairs`` says which layer of the student learns from which of the teacher (by
    default as :func:`lissom.steps.distillation.pairing.propose` has it). ``teachers`` are further models, each
    ``hf:DIR`` or ``file.py:function``, whose probabilities are averaged with the original's. ``texts`` is a source of
    texts without labels, which are learnt from instead of the training split, with the teacher beside.
    """

    epochs: int
    rate: float = 6e-3
    batch: int = 128
    labels: float = 0.5
    views: int = 1
    share: float = 1.0
    losses: tuple[tuple[str, float], ...] = ()
    settings: tuple[tuple[str, str, float], ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    teachers: tuple[str, ...] = ()
    texts: str = ""

    name = "distill"
    learns = True

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.epochs < 1:
            raise LissomError(f"distillation over {self.epochs} epochs learns nothing")
        if not 0 <= self.labels <= 1:
            raise LissomError(f"the weight of the labels is {self.labels}; it lies between 0 and 1")
        if self.views < 0:
            raise LissomError(f"{self.views} views are not possible", hint="give 0 to ask the original beside, or more")
        if not 0 < self.share <= 1:
            raise LissomError(f"a share of {self.share} of the examples is not possible", hint="give 0.01 to 1")
        self._terms()
        known = [loss for loss, _ in self.losses]
        for loss, name, _ in self.settings:
            if loss not in known:
                raise LissomError(f"{name} is set for the loss {loss}, which is not in losses", hint=_listed(known))

    @property
    def length(self) -> float:
        """See :class:`lissom.steps.step.ModelStep`."""
        return self.epochs * self.share

    def describe(self) -> str:
        how = f" by {', '.join(map(str, self._terms()))}" if self.losses else ""
        how += " on texts without labels" if self.texts else ""
        return f"distill {format_epochs(self.length)}{how}"

    def check(self, original: Workload) -> None:
        """Find the further teachers and the texts, before anything slow begins.

        Raises:
            LissomError: one is not there, or does not suit the original.
        """
        for teacher in self.teachers:
            further(teacher, original)
        self._learnt_from(original, Progress(enabled=False))

    def apply(self, workload: Workload, context: Context) -> Workload:
        split = self._learnt_from(workload, context.progress)
        views = self.views if workload.views is None else min(self.views, workload.views)
        views = 0 if self.texts else views  # kept answers are those to the training split
        schedule = Schedule(
            self.epochs,
            self.rate,
            self.batch,
            views=views if views > 1 else workload.views,
            share=self.share,
            seed=context.seed,
        )
        learner, objective = self._lesson(workload, context, views)
        zeros = [f"module.{name}" if isinstance(learner, Tapped) else name for name in workload.zeros]
        short: list[str] = []
        trained = train(
            learner,
            split,
            objective,
            schedule,
            zeros=zeros,
            checkpoint=context.folder / "distill.pt",
            progress=context.progress,
            deadline=context.deadline,
            what="distilling",
            team=context.team,
            short=short.append,
        )
        return workload.with_module(trained.module if isinstance(trained, Tapped) else trained).with_notes(short)

    def _learnt_from(self, workload: Workload, progress: Progress) -> Split:
        if not self.texts:
            return workload.splits.train
        from lissom.tasks.text.unlabelled import unlabelled_split  # needs an extra of its own

        return unlabelled_split(workload, self.texts, progress)

    def _lesson(self, workload: Workload, context: Context, views: int) -> tuple[nn.Module, Objective]:
        """What is trained, and the objective."""
        labels = self.labels if workload.labelled else 0.0
        if not self.losses and not self.teachers:
            return workload.module, distillation(workload.task, self._answering(context, views), labels)
        terms = self._terms() or [Term("logits")]
        self._check_answers(workload, context, terms)
        pairing = self._pairing(workload, context, terms)
        ours, theirs = taps(terms, pairing)
        if ours:
            context.progress.say(str(pairing))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            lesson = Lesson(
                workload.task,
                self._teaching(context, views, theirs),
                terms,
                pairing,
                labels=labels,
                real=padding_masks(context.original.module),
                by_token=(
                    by_token(workload.module, ours, workload.example),
                    by_token(context.original.module, theirs, workload.example),
                ),
            )
        return Tapped(workload.module, ours), lesson

    def _terms(self) -> list[Term]:
        return [
            Term(loss, weight, tuple((name, value) for owner, name, value in self.settings if owner == loss))
            for loss, weight in self.losses
        ]

    def _check_answers(self, workload: Workload, context: Context, terms: list[Term]) -> None:
        """Refuse losses, and several teachers, that need classes or labels which are not there."""
        names = [term.loss for term in terms if term.loss in CLASSES or (term.loss == "logits" and term.settings)]
        names += ["a mean of several teachers"] if self.teachers else []
        if not names:
            return
        shape = answer_shape(context.original)
        if len(shape) != 2 or shape[1] < 2:
            raise LissomError(
                f"{names[0]} is of the chances of classes, and {workload.name} answers {shape[1:]} numbers",
                hint="the loss logits without settings takes any answer; leave teachers out",
            )
        if "standardised" in names and shape[1] == 2:
            raise LissomError(
                "standardised answers of two classes say nothing but which comes first: no student learns from that",
                hint="use logits",
            )
        if "dkd" in names and (self.texts or not workload.labelled):
            raise LissomError("dkd needs the true class of each example, and there are no labels", hint="use logits")

    def _pairing(self, workload: Workload, context: Context, terms: list[Term]) -> Pairing:
        original = context.original.module
        if self.pairs:
            return given_pairs(self.pairs, workload.module, original, workload.example)
        if all(term.loss in ANSWERS for term in terms):
            return Pairing(())
        return propose(workload.module, original, workload.example)

    def _teaching(self, context: Context, views: int, names: list[str]) -> Teaching:
        device = best_device()
        original: Teaching = (
            Live(context.original.module, names, device) if names else ByAnswers(self._answering(context, views))
        )
        if not self.teachers:
            return original
        others = [Live(further(spec, context.original), (), device) for spec in self.teachers]
        return Several([original, *others])

    def _answering(self, context: Context, views: int) -> Teacher:
        device, split = best_device(), context.original.splits.train
        # what is kept of a split of texts to say are texts
        if not views or isinstance(split, Worded) or _too_large(context, split, views):
            return LiveTeacher(context.original.module, device)
        folder = context.shared / "teacher"
        if context.team.leads:
            keep_answers(
                split,
                context.answer,
                folder,
                views=views,
                progress=context.progress,
                what="asking the original",
            )
        context.team.led(None)  # the others wait
        return CachedTeacher(folder, views, device)


def _listed(losses: list[str]) -> str:
    return f"there are {', '.join(losses)}" if losses else "name it in losses, with a weight"


def _too_large(context: Context, split: Split, views: int) -> bool:
    """Whether the original's answers would take more than there may be on disk, which is said. The leader asks it."""
    team = context.team
    size = team.led(cache_bytes(len(split), context.answer(split.take([0]))[0].size, views) if team.leads else None)
    if size > MOST_BYTES:
        context.progress.say(
            f"the original's answers would take {format_bytes(size)} on disk, more than "
            f"{format_bytes(MOST_BYTES)}: it answers beside the learner"
        )
    return size > MOST_BYTES


def distillation(task: Task, teacher: Teacher, labels: float) -> Objective:
    """The objective ``labels * loss + (1 - labels) * distance to the teacher``."""

    def objective(outputs: torch.Tensor, batch: Batch, view: int) -> Tensor:
        if labels == 1 and batch.targets is not None:
            return task.loss(outputs, batch.targets)
        far = task.distance(outputs, teacher.answer(batch, view))
        if labels == 0 or batch.targets is None:
            return far
        return labels * task.loss(outputs, batch.targets) + (1 - labels) * far

    return objective
