"""How long learning takes here, measured on a few steps, and how much of it the time allows."""

import copy
import math
import time
from collections.abc import Callable, Mapping

import torch

from lissom.engine.options import Options
from lissom.steps.distillation.distill import Distill
from lissom.tasks import TASKS
from lissom.train.batches import shuffled
from lissom.train.device import best_device
from lissom.train.tapped import in_float
from lissom.train.teacher import MOST_BYTES, Answer, LiveTeacher
from lissom.train.team import ALONE, Team
from lissom.workload.workload import Batch, Worded, Workload

_TURNS, _MOST_TURNS, _MEASURED_S = 5, 100, 2.0
_ASKED = 256  # examples at once
_ASKING, _MOST_VIEWS = 1 / 3, 32  # of the time; of an example


def views_answered(original: Workload) -> int | None:
    """Of how many views of an example the original, as the teacher, is asked: at most so many as the set has, or 1, the
    example as it is; ``None`` where views differ so much that it has to be asked of as many as there is time for."""
    if original.views is not None:
        return original.views
    return None if TASKS.get(original.task.name).varied else 1


def measure_pace(original: Workload, cut: Workload, answer: Answer, batch: int, team: Team = ALONE) -> dict[str, float]:
    """Seconds of an epoch of the cut model, and of the original answering every training example once."""
    split = original.splits.train
    asked = list(range(min(_ASKED, len(split))))
    epoch_s = epoch_seconds(original, cut, batch, team)
    if isinstance(split, Worded):  # the original teaches beside the learner
        device, asked = best_device(), asked[:batch]
        teacher = LiveTeacher(original.module, device)
        answer_s = _usual(lambda _: teacher.answer(device.send(split.take(asked)), 0))
    else:
        in_views = views_answered(original) != 1  # whose making takes its time too
        answer_s = _usual(lambda turn: answer(split.take(asked, view=turn if in_views else None)))
    return {"epoch_s": epoch_s, "teacher_s": answer_s / len(asked) * len(split)}


def epoch_seconds(original: Workload, cut: Workload, batch: int, team: Team = ALONE) -> float:
    """Seconds of an epoch of the cut model.

    Of a team this process alone learns here, on its share of a batch; what the exchange of gradients takes comes on
    top, and the training is shortened by it as it goes (see :class:`lissom.train.cycle.Cycle`).
    """
    split = original.splits.train
    device = best_device().suited(cut.module, split)
    learner = device.place(copy.deepcopy(cut.module).train())
    optimizer = torch.optim.AdamW(learner.parameters(), lr=0.0)
    groups = shuffled(len(split), batch, seed=0, epoch=0)

    def take(number: int) -> Batch:
        return split.take(team.share(groups[number % len(groups)])[0], view=0)

    def learn(number: int) -> None:
        sent = device.send(take(number))
        with device.autocast():
            outputs = learner(*sent.inputs)
        outputs = in_float(outputs)
        original.task.distance(outputs, outputs).backward()
        optimizer.step()

    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):  # it takes as many turns as it can
        return _usual(learn, take) * len(groups)  # what a split makes once and keeps is no part of every epoch


def _usual(work: Callable[[int], object], ready: Callable[[int], object] = lambda number: None) -> float:
    """Seconds that one turn of ``work`` usually takes: the median of a few, or of as many as fit into two seconds.

    What ``ready`` does before each turn does not count.
    """
    spent: list[float] = []
    while len(spent) < _TURNS or (sum(spent) < _MEASURED_S and len(spent) < _MOST_TURNS):
        ready(len(spent))
        start = time.monotonic()
        work(len(spent))
        spent.append(time.monotonic() - start)
    return sorted(spent)[len(spent) // 2]


def recovery(
    pace: Mapping[str, float],
    options: Options,
    left_s: float,
    *,
    share: float,
    answered: int,
    cache_bytes: int,
    views: int | None,
) -> Distill:
    """A distillation that fits into a share of the time that is left.

    The original answers once for every example. Where a set has views of its own it answers to those, and where views
    differ much to as many as a third of the time allows; either are learnt from in turn, one for each epoch at most:
    what is taught has to be of what is seen (Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and
    consistent", section 3.1). Where not even one epoch fits after that it runs beside the learner, on a share of the
    examples, and beside it as well where its answers are too large to be kept.

    Args:
        pace: from :func:`measure_pace`.
        options: a fixed number of epochs, or the most.
        left_s: seconds left for all trials.
        share: of it that this trial may take.
        answered: of how many views the original's answers are there already.
        cache_bytes: what those to one view take on disk.
        views: from :func:`views_answered`.
    """
    kept = answered or cache_bytes <= MOST_BYTES
    least = min(2, views or 1)  # one alone would be the example as it is
    most = views or min(_MOST_VIEWS, MOST_BYTES // max(cache_bytes, 1))
    if options.epochs is not None or math.isinf(left_s):
        epochs = options.epochs or options.most_epochs
        return Distill(epochs=epochs, views=max(least, min(most, epochs)) if kept else 0)
    live = pace["epoch_s"] + pace["teacher_s"]
    time_s = left_s * share

    def lasts(views: int) -> float:
        """Epochs that the time allows beside the answers to so many views."""
        spent = max(0, views - answered) * pace["teacher_s"]
        return (time_s - spent) / max(pace["epoch_s"] if kept else live, 1e-6)

    if views is None:
        most = max(1, min(most, int(time_s * _ASKING / max(pace["teacher_s"], 1e-6))))
    asked = max(least, min(most, options.most_epochs))
    while asked > least and asked > lasts(asked):
        asked -= 1
    asked = asked if kept else 0
    epochs = lasts(asked)
    if epochs < 1:
        return Distill(epochs=1, views=0, share=min(1.0, max(0.01, round(left_s * share / live, 3))))
    epochs = min(options.most_epochs, int(epochs))
    return Distill(epochs=epochs, views=asked)
