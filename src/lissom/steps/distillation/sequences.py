"""Sequence-level distillation: what the original says takes the place of the references, and is learnt by heart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lissom.core.errors import LissomError
from lissom.core.units import format_epochs
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.distillation.distill import Distill
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.targets.target import Runner
from lissom.tasks import TASKS
from lissom.tasks.generating import spoken
from lissom.train.batches import lengths_of
from lissom.workload.workload import Split, Worded, Workload

TOGETHER = 32  # examples that the original is asked at once


@dataclass(frozen=True)
class DistillSequences(ModelStep):
    """Learn the texts that the original says to the training examples (Kim and Rush 2016, "Sequence-level knowledge
    distillation", section 3.2).

    ``beams`` is how many alternatives the original follows at a time; its texts are kept on disk, so that they are
    asked for once. ``words`` is the weight of the distance to the original's scores after each token, beside the
    tokens themselves (section 3.1); at 0 the original is not run while it is learnt.
    """

    epochs: int
    rate: float = 1e-4
    batch: int = 8
    beams: int = 1
    words: float = 0.0
    share: float = 1.0

    name = "distill_sequences"
    learns = True

    def __post_init__(self) -> None:
        check_sizes(self)
        if self.beams < 1:
            raise LissomError(f"{self.beams} beams are not possible", hint="give 1 or more")
        self._learning()

    def _learning(self) -> Distill:
        return Distill(
            epochs=self.epochs,
            rate=self.rate,
            batch=self.batch,
            labels=1 - self.words,
            views=0,
            share=self.share,
        )

    @property
    def length(self) -> float:
        """See :class:`lissom.steps.step.ModelStep`."""
        return self.epochs * self.share

    def describe(self) -> str:
        how = f"{self.beams} beams" if self.beams > 1 else "greedy"
        return f"distill {format_epochs(self.length)} on the original's texts, {how}"

    def apply(self, workload: Workload, context: Context) -> Workload:
        split = context.original.splits.train
        if not isinstance(split, Worded):
            raise LissomError(
                f"{workload.name} is not answered with texts, so that there are none to learn", hint="use distill"
            )
        path = context.shared / "sequences" / f"beams-{self.beams}.jsonl"
        if context.team.leads:
            _ask(context, split, self.beams, path)
        context.team.led(None)  # the others wait
        kept = _kept(path)
        taught = split.with_answers([kept[row] for row in range(len(split))])
        lesson = replace(workload, splits=replace(workload.splits, train=taught), labelled=True)
        learnt = self._learning().apply(lesson, context)
        return workload.with_module(learnt.module).with_notes(learnt.notes[len(workload.notes) :])


def _ask(context: Context, split: Split, beams: int, path: Path) -> None:
    """Ask the original for the texts that are not there yet, each written down as it is said."""
    known = _kept(path)
    missing = [row for row in range(len(split)) if row not in known]
    if not missing:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    original, runner = context.original, _runner(context)
    kind, handling = TASKS.get(original.task.name), {**original.handling, "beams": beams, "together": True}
    lengths = lengths_of(split)
    if lengths is not None:  # those of a length together, so that little is padding
        missing.sort(key=lengths.__getitem__)
    groups = [missing[first : first + TOGETHER] for first in range(0, len(missing), TOGETHER)]
    with path.open("a", encoding="utf-8") as file:
        if file.tell():
            file.write("\n")  # behind a line that a kill cut off
        for rows in context.progress.track(groups, "asking the original for its texts", len(groups)):
            inputs = [tensor.numpy() for tensor in split.take(rows).inputs]
            answers = zip(rows, spoken(kind.answer(runner, inputs, handling)), strict=True)
            file.write("".join(json.dumps({"row": row, "tokens": tokens}) + "\n" for row, tokens in answers))
            file.flush()


def _runner(context: Context) -> Runner:
    """The original on the target, as the run made it; else the model itself."""
    path = context.target.place(context.shared, "original")
    threads = torch.get_num_threads()  # those that learning takes
    return context.target.load(path, threads=threads) if path.exists() else ModuleRunner(context.original.module)


def _kept(path: Path) -> dict[int, list[int]]:
    """The texts that are there, by row, in tokens."""
    return dict(_lines(path)) if path.is_file() else {}


def _lines(path: Path) -> Iterator[tuple[int, list[int]]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found = json.loads(line)
            yield int(found["row"]), [int(token) for token in found["tokens"]]
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a kill: it is asked for again
