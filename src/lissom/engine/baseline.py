"""The original as it is: exported, checked against PyTorch, scored and timed before anything is changed."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures, from_json
from lissom.cost import profile
from lissom.engine.asking import Asked, InGroups, asked
from lissom.engine.measuring import (
    NOISY,
    Answers,
    Bench,
    grades,
    kept_answers,
    noise,
    parity_inputs,
    timings,
)
from lissom.engine.options import Options
from lissom.plan.budget import Budget
from lissom.targets.parity import check_parity
from lissom.targets.target import Artefact, Runner, Target
from lissom.workload.workload import Batch, Workload

_PATIENCE = 4  # on a noisy machine
_QUICK_S = 0.02
_EACH = 4  # examples at a time for each core: what the layers of more hand on leaves its cache
Timed = tuple[tuple[np.ndarray, ...], ...]


@dataclass(frozen=True)
class Baseline:
    """The original, ready to be compared with: its bench, its figures and answers on the select split."""

    workload: Workload
    bench: Bench
    figures: Figures
    select: Answers
    fast: "Fast"


class Fast:
    """Answers of the original by the fastest way there is: its artefact on all cores, a few examples at a time."""

    def __init__(self, target: Target, artefact: Artefact, cores: int, workload: Workload) -> None:
        runner = asked(target.load(artefact.path, threads=cores), workload)
        said = isinstance(runner, Asked)  # texts said together share the steps of their decoder
        self.runner = runner if said else InGroups(runner, _EACH * cores)

    def __call__(self, batch: Batch) -> np.ndarray:
        return self.runner.run([tensor.numpy() for tensor in batch.inputs])[0]


def establish(
    workload: Workload, target: Target, options: Options, work: Path, ledger: Ledger, progress: Progress
) -> Baseline:
    """Export, check and measure the original, or read what an earlier start of the run measured.

    Raises:
        LissomError: it cannot be exported, answers differently there, or scores at chance level.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    path = target.place(work, "original")
    if path.exists():
        artefact = target.artefact(path)
    else:
        with progress.waiting(f"exporting the original for {target.name}"):
            artefact = target.export(workload.module, workload.example, path)
    check_parity(workload.module, target, artefact, parity_inputs(workload.splits.select))
    fast = Fast(target, artefact, cores, workload)
    select = kept_answers(
        work / "original-select.npz", fast.runner, workload.splits.select, progress, "scoring the original"
    )
    runner = asked(target.load(path, threads=options.threads), workload)
    bench = Bench(
        target=target,
        threads=options.threads,
        cores=cores,
        seconds=options.measure_s,
        original=artefact,
        runner=runner,
        examples=timed_with(runner, timed_arrays(workload, options.batch), ledger),
        progress=progress,
    )
    found = ledger.find("baseline")
    if found is not None:
        return Baseline(workload, bench, from_json(Figures, found), select, fast)
    if workload.labelled and select.targets is not None:
        workload.task.check(select.outputs, select.targets, workload.classes)
    for number, note in enumerate(artefact.notes):
        ledger.append("note", f"artefact {number}", note)
    figures = _figures(workload, bench, select)
    _say_noise(figures, ledger, progress)
    ledger.append("baseline", "", figures)
    return Baseline(workload, bench, figures, select, fast)


def _say_noise(figures: Figures, ledger: Ledger, progress: Progress) -> None:
    """Write down that the machine is noisy, where longer measuring did not help."""
    found = noise(list(figures.latency_samples_ms))
    if found > NOISY:
        note = (
            f"this machine is noisy: repeated timings of the original lie {found:.0%} apart. Latencies are compared in "
            "turn in one process, so ratios hold better than milliseconds; for sharper ones stop what else runs"
        )
        ledger.once("note", "noise", note)
        progress.say(note)


def say_coarse(workload: Workload, budget: Budget, original: Figures, ledger: Ledger, progress: Progress) -> None:
    """Write down that one answer of the select split weighs more than the drop that is allowed."""
    count = len(workload.splits.select)
    if (workload.classes or not workload.labelled) and 0 < budget.drop.allowed(original) < 100 / count:
        note = (
            f"the select split has {count} examples, so one answer is {100 / count:.3g} points, and "
            f"{budget.drop.text} allows less: a single answer decides what is kept; give more data, or allow more"
        )
        ledger.once("note", "coarse", note)
        progress.say(note)


def timed_with(runner: Runner, examples: Timed, ledger: Ledger) -> Timed:
    """Those of the examples that latency is measured with: all, or the first alone where an answer takes long anyhow.

    What was found is written down, so that a run that goes on measures the same.
    """
    if len(examples) == 1:
        return examples
    count = ledger.find("timed")
    if count is None:
        count = len(examples) if is_quick(runner, examples[0]) else 1
        ledger.append("timed", "", count)
        if count > 1:
            ledger.append("note", "timed", f"latency: the mean of {count} examples of a like size, one after the other")
    return examples[:count]


def is_quick(runner: Runner, example: tuple[np.ndarray, ...]) -> bool:
    """Whether an answer takes so little time that several can be timed as one."""
    runner.run(example)  # the first time takes longer
    begun = time.perf_counter()
    runner.run(example)
    return time.perf_counter() - begun < _QUICK_S


def timed_arrays(workload: Workload, batch: int) -> Timed:
    """What latency is measured with, each example ``batch`` times, as the target takes it."""
    return tuple(
        tuple(np.concatenate([tensor.numpy()] * batch) for tensor in example)
        for example in workload.timed or (workload.example,)
    )


def _figures(workload: Workload, bench: Bench, select: Answers) -> Figures:
    with bench.progress.waiting("measuring the original"):
        samples = timings({"original": bench.runner}, bench.examples, seconds=bench.seconds / 2, patience=_PATIENCE)
    costs = profile(workload.module, workload.example)
    return bench.figures(
        workload,
        bench.original,
        samples["original"],
        select,
        grades(workload, select, select),
        "select",
        (costs.macs + costs.attention_macs, costs.parameters),
    )


def without_samples(figures: Figures) -> Figures:
    """Figures without the single timings, for records that are many."""
    return replace(figures, latency_samples_ms=())
