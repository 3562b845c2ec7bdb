"""Artefacts measured: their score on a split, their latency beside the original's, their size and memory."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lissom.core.files import whole_file
from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.core.statistics import drop_interval, median_interval, ratio_interval, score_interval
from lissom.core.timing import interleaved, spread, unrest
from lissom.engine.asking import asked
from lissom.targets.target import Artefact, Runner, Target
from lissom.tasks.damage import UNREADABLE
from lissom.train.batches import in_order, prepared
from lissom.workload.codes import as_codes
from lissom.workload.workload import Chained, Grades, Metered, Split, Worded, Workload, calibration_batches, looks_at

_BATCH, _FEW = 100, 10
_PARITY_EXAMPLES = 8
NOISY = 0.05  # as a share of the median
Examples = Sequence[Sequence[np.ndarray]]  # inputs that are answered one after the other
_PATIENCE = 2  # with comparisons, which are made in turn


@dataclass(frozen=True)
class Answers:
    """What an artefact answered on a split: outputs ``(examples, ...)``, the targets, if there are any, and numbers
    that are the same for examples that belong together, if they do."""

    outputs: npt.NDArray[np.float32]
    targets: npt.NDArray[np.int64] | None
    together: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Comparison:
    """An artefact beside the original: figures, and what it lost."""

    figures: Figures
    drop: float
    drop_interval: tuple[float, float]
    latency_ratio: float
    latency_ratio_interval: tuple[float, float]
    agreement: float
    divergence: float | None = None


def answers(runner: Runner, split: Split, progress: Progress, what: str) -> Answers:
    """Run every example of a split, as it is; where it is looked at several times, the outputs' mean."""
    found = [_look(runner, look, progress, what) for look in looks_at(split)]
    outputs = found[0].outputs if len(found) == 1 else np.mean([look.outputs for look in found], axis=0)
    return Answers(outputs, found[0].targets, found[0].together)


def _look(runner: Runner, split: Split, progress: Progress, what: str) -> Answers:
    if isinstance(split, Chained):
        said, asked_for = split.answered(lambda given: runner.run([part.numpy() for part in given])[0], progress, what)
        return Answers(said, asked_for, split.together)
    outputs: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    groups = in_order(len(split), _FEW if isinstance(split, Worded) else _BATCH)
    for batch in progress.track(prepared(split, groups), what, total=len(groups)):
        outputs.append(runner.run([tensor.numpy() for tensor in batch.inputs])[0])
        if batch.targets is not None:
            targets.append(batch.targets.numpy())
    return Answers(np.concatenate(outputs), wanted(split, range(len(split)), targets))


def wanted(split: Split, rows: Sequence[int], targets: Sequence[np.ndarray]) -> npt.NDArray[np.int64] | None:
    """What should be answered to some examples of a split: their targets, or their texts as code points.

    Args:
        split: of the examples.
        rows: which they are.
        targets: of each batch of them.
    """
    if isinstance(split, Worded):
        return None if split.texts is None else as_codes([split.texts[row] for row in rows])
    return np.concatenate(targets) if targets else None


def kept_answers(path: Path, runner: Runner, split: Split, progress: Progress, what: str) -> Answers:
    """The same, kept in a file: the original answers once, and once more where the file cannot be read."""
    with contextlib.suppress(*UNREADABLE, ValueError, KeyError), path.open("rb") as file, np.load(file) as kept:
        return Answers(kept["outputs"], kept.get("targets"), kept.get("together"))
    found = answers(runner, split, progress, what)
    parts = {"outputs": found.outputs, "targets": found.targets, "together": found.together}
    arrays = {name: part for name, part in parts.items() if part is not None}
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # pyright: ignore[reportArgumentType]
    return found


def by_labels(workload: Workload, found: Answers) -> bool:
    """Whether labels can be graded against."""
    return workload.labelled and found.targets is not None


def grades(workload: Workload, found: Answers, original: Answers) -> Grades:
    """Grades by the labels, or by agreement with the original where there are none."""
    if found.targets is not None and by_labels(workload, found):
        return workload.task.grade(found.outputs, found.targets)
    return workload.task.agreement(found.outputs, original.outputs)


def parity_inputs(split: Split) -> list[np.ndarray]:
    """A few real inputs that an artefact is compared with its model on."""
    batch = calibration_batches(split, examples=_PARITY_EXAMPLES, batch=_PARITY_EXAMPLES, seed=0)[0]
    return [tensor.numpy() for tensor in batch.inputs]


def timings(
    runners: Mapping[str, Runner], examples: Examples, *, seconds: float, patience: int = 1
) -> dict[str, list[float]]:
    """Latencies in ms, taken in turn.

    Args:
        runners: what is timed, by name.
        examples: the batches that it is timed with, one after the other; a latency is their mean.
        seconds: how long, in all.
        patience: on a noisy machine it goes on, up to so many times as long.
    """
    samples = in_turn(runners, examples, seconds=seconds)
    spent = 1
    while spent < patience and any(noise(values) > NOISY for values in samples.values()):
        more = in_turn(runners, examples, seconds=spent * seconds, seed=spent)
        samples = {name: [*samples[name], *more[name]] for name in samples}
        spent *= 2
    return samples


def in_turn(
    runners: Mapping[str, Runner], examples: Examples, *, seconds: float, seed: int = 0
) -> dict[str, list[float]]:
    """The same measured once, ``seconds`` in all, in an order that ``seed`` draws."""
    calls = {name: partial(_answer_all, runner, examples) for name, runner in runners.items()}
    samples = interleaved(calls, seconds=seconds, seed=seed)
    return {name: [value / len(examples) for value in values] for name, values in samples.items()}


def _answer_all(runner: Runner, examples: Examples) -> None:
    for example in examples:
        runner.run(example)


def noise(samples: list[float]) -> float:
    """How far apart repeated measurements of one thing may be expected to lie, as a share of them."""
    return max(spread(samples), unrest(samples))


@dataclass(frozen=True)
class Bench:
    """The original, loaded, with its answers: what everything is compared with.

    ``examples`` are the batches that latency is measured with, ``fast`` answers with all cores.
    """

    target: Target
    threads: int
    cores: int
    seconds: float
    original: Artefact
    runner: Runner
    examples: tuple[tuple[np.ndarray, ...], ...]
    progress: Progress

    @property
    def example(self) -> tuple[np.ndarray, ...]:
        """The first of them, for what a single answer tells."""
        return self.examples[0]

    def compare(
        self,
        workload: Workload,
        artefact: Artefact,
        original: Answers,
        split: Split,
        *,
        named: str,
        costs: tuple[int, int],
        seconds: float | None = None,
        keep: Path | None = None,
    ) -> tuple[Comparison, Figures]:
        """Measure an artefact beside the original.

        Args:
            workload: task and labels.
            artefact: what to measure.
            original: the original's answers on ``split``.
            split: the examples.
            named: the split's name.
            costs: multiply-adds and parameters of the artefact's model.
            seconds: for the latencies.
            keep: a file for the artefact's answers, which are read from there when it exists.

        Returns:
            The comparison, and the original's figures from the same interleaved run.
        """
        fast = asked(self.target.load(artefact.path, threads=self.cores), workload)
        what = f"scoring on {named}"
        found = (
            answers(fast, split, self.progress, what)
            if keep is None
            else kept_answers(keep, fast, split, self.progress, what)
        )
        ours, theirs = grades(workload, found, original), grades(workload, original, original)
        runner = asked(self.target.load(artefact.path, threads=self.threads), workload)
        with self.progress.waiting("measuring latency"):
            runners = {"original": self.runner, "final": runner}
            samples = timings(runners, self.examples, seconds=seconds or self.seconds, patience=_PATIENCE)
        ratio, ratio_range = ratio_interval(samples["final"], samples["original"])
        drop, drop_range = drop_interval(theirs, ours, workload.task.score, together=found.together)
        figures = self.figures(workload, artefact, samples["final"], found, ours, named, costs)
        agreement = workload.task.score(workload.task.agreement(found.outputs, original.outputs))
        base = self.figures(workload, self.original, samples["original"], original, theirs, named, (0, 0))
        divergence = workload.task.divergence(found.outputs, original.outputs)
        return Comparison(figures, drop, drop_range, ratio, ratio_range, agreement, divergence), base

    def figures(
        self,
        workload: Workload,
        artefact: Artefact,
        samples: list[float],
        found: Answers,
        graded: Grades,
        named: str,
        costs: tuple[int, int],
    ) -> Figures:
        """The figures of an artefact from timings and graded answers."""
        score, score_range = score_interval(graded, workload.task.score, together=found.together)
        median, median_range = median_interval(samples)
        targets = found.targets
        return Figures(
            score=score,
            score_interval=score_range,
            latency_ms=median,
            latency_interval_ms=median_range,
            latency_p95_ms=float(np.quantile(samples, 0.95)),
            size_bytes=artefact.size_bytes,
            macs=costs[0],
            parameters=costs[1],
            peak_memory_bytes=self.target.peak_memory_bytes(artefact.path, self.example, threads=self.threads),
            split=named,
            latency_samples_ms=tuple(round(value, 6) for value in samples[:500]),
            score_by_class=() if targets is None else workload.task.classes(graded, targets),
            examples=len(graded),
            by_labels=by_labels(workload, found),
            metric=workload.task.metric if isinstance(workload.task, Metered) else "",
        )
