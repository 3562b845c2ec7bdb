"""Which target and precision a model is fastest on here, of those that keep its score: all made, all timed in turn."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError, MachineError, first_line
from lissom.core.files import filling
from lissom.core.progress import Progress
from lissom.core.records import Entrant
from lissom.core.statistics import drop_interval, median_interval, ratio_interval
from lissom.engine.asking import asked
from lissom.engine.baseline import is_quick, timed_arrays
from lissom.engine.fastest import Load, Samples, one_round, settle
from lissom.engine.folder import claimed
from lissom.engine.identity import weights_of
from lissom.engine.measuring import Answers, grades, parity_inputs, wanted
from lissom.engine.options import Options
from lissom.plan.budget import Budget
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Context
from lissom.targets import TARGETS
from lissom.targets.parity import check_parity
from lissom.targets.target import FP16, FP32, INT8, Artefact, Target
from lissom.workload.workload import Batch, Workload, calibration_batches

AUTO = "auto"
_LEFT_OUT = ("pytorch", "inductor")  # the one is never the fastest, the other compiles for minutes
_JUDGED, _BATCH = 1024, 64
_SAME = 1.02


def is_race(word: str) -> bool:
    """Whether ``--target WORD`` leaves the choice to a measurement: ``auto``, or several names by commas."""
    return word == AUTO or "," in word


def racing(word: str) -> list[Target]:
    """The targets that ``auto``, or names by commas, mean: of ``auto`` those that are installed.

    Raises:
        LissomError: a name is unknown, or one that was named is not installed.
    """
    named = [name for name in TARGETS if name not in _LEFT_OUT] if word == AUTO else word.split(",")
    names = list(dict.fromkeys(name.strip() for name in named))
    if word != AUTO and AUTO in names:
        told = f"{AUTO} means several targets: {word!r}"
        raise LissomError(told, hint=f"write {AUTO} alone, or names by commas")
    targets: list[Target] = [TARGETS.get(name)() for name in names]
    if word == AUTO:
        usable = [target for target in targets if target.missing() is None]
        if not usable:
            raise LissomError("no target is installed", hint="pip install onnxruntime; see lissom targets")
        return usable
    for target in targets:
        target.check_usable()
    return targets


def choose_target(
    word: str, workload: Workload, budget: Budget, options: Options, folder: Path, progress: Progress
) -> str:
    """The name of the target on which the original is fastest here, in a precision that keeps its score.

    What was measured is written to the ledger of the run's folder, and read from there when a run goes on.

    Raises:
        LissomError: no target can run the model, or the folder holds something else, such as a race for another model.
    """
    targets = racing(word)
    asked = {"targets": word, "limit on the drop": budget.drop.text, "weights": weights_of(workload)}
    with claimed(folder) as ledger:
        entrants = ledger.all(Entrant)
        before = ledger.find("race") or asked
        if other := [name for name, value in asked.items() if before[name] != value]:
            told = f"the target in {folder} was chosen for other {' and '.join(other)}"
            raise LissomError(told, hint="choose another folder with -o")
        if not any(entrant.chosen for entrant in entrants):
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as work:
                entrants = _Race(workload, budget, options, Path(work), progress).run(targets)
            if not any(entrant.chosen for entrant in entrants):
                raise LissomError(f"no target can run {workload.name}: {entrants[0].reason}", hint="see lissom targets")
            for entrant in sorted(entrants, key=lambda entrant: entrant.chosen):  # the winner last: then it is whole
                ledger.put(entrant, f"{entrant.target} {entrant.precision}")
            ledger.append("race", "", {**asked, "seconds": round(time.monotonic() - began, 3)})
    best = next(entrant for entrant in entrants if entrant.chosen)
    progress.say(f"{best.target} {best.precision}: {best.reason}")
    return best.target


@dataclass
class _Made:
    """An artefact of the race: where it runs, and what it loses."""

    target: Target
    artefact: Artefact
    drop: float = 0.0
    drop_interval: tuple[float, float] = (0.0, 0.0)
    why: str = ""


class _Race:
    """Makes the artefacts, times them all in turn, and holds the fast ones against the limit on the drop."""

    def __init__(self, workload: Workload, budget: Budget, options: Options, work: Path, progress: Progress) -> None:
        self._workload, self._budget, self._options = workload, budget, options
        self._work, self._progress = work, progress
        self._examples = timed_arrays(workload, options.batch)
        self._made: dict[str, _Made] = {}
        self._failed: list[Entrant] = []
        self._batches = calibration_batches(workload.splits.select, examples=_JUDGED, batch=_BATCH, seed=0)
        self._before: Answers | None = None

    def run(self, targets: Sequence[Target]) -> list[Entrant]:
        """Every target in every precision, the chosen one marked, with the reason why each other lost."""
        for target in targets:
            # a model in part in INT8 is raced in FP32: examples out of their order do not tell what INT8 costs it
            for precision in target.precisions[:1] if self._workload.int8_layers else target.formats(self._workload):
                with self._progress.waiting(f"{target.name} {precision}"):
                    self._make(target, precision)
        if not self._made:
            return self._failed
        seconds = self._options.measure_s / 2
        with self._progress.waiting(f"timing {len(self._made)} artefacts in turn"):
            examples = self._examples
            if len(examples) > 1 and not is_quick(next(iter(self._loads().values()))(), examples[0]):
                examples = examples[:1]
            samples = one_round(self._loads(), examples, seconds=seconds)
            holding = self._holding(samples)
            loads = {name: load for name, load in self._loads().items() if name in holding}
            best = settle(loads, examples, samples, seconds=seconds)
        return [*(self._entrant(name, best, samples) for name in self._made), *self._failed]

    def _make(self, target: Target, precision: str) -> None:
        try:
            with filling(self._work / target.name):
                artefact = self._artefact(target, precision)
            check_parity(self._workload.module, target, artefact, parity_inputs(self._workload.splits.select))
        except MachineError:
            raise
        except Exception as error:  # converters fail in ways of their own; the others race on
            why = error.message if isinstance(error, LissomError) else first_line(error)
            self._failed.append(Entrant(target.name, precision, reason=f"cannot be made: {why}"))
            return
        self._made[f"{target.name} {precision}"] = _Made(target, artefact)

    def _artefact(self, target: Target, precision: str, *, search: bool = False) -> Artefact:
        folder = self._work / target.name
        folder.mkdir(exist_ok=True)
        if precision != INT8:
            path = target.place(folder, precision)
            return target.export(self._workload.module, self._workload.example, path, precision)
        plain = self._made.get(f"{target.name} {FP32}")
        if plain is None:
            raise LissomError("there is no FP32 artefact to make it of")
        context = Context(
            self._workload, target, self._answer, folder, folder, seed=self._options.seed, progress=self._progress
        )
        return QuantizeInt8(examples=self._options.ranged, search=search).apply(plain.artefact, self._workload, context)

    def _answer(self, batch: Batch) -> np.ndarray:
        plain = next(made for made in self._made.values() if made.artefact.precision == FP32)
        return self._load(plain)().run([tensor.numpy() for tensor in batch.inputs])[0]

    def _load(self, made: _Made) -> Load:
        return lambda: asked(made.target.load(made.artefact.path, threads=self._options.threads), self._workload)

    def _loads(self) -> dict[str, Load]:
        return {name: self._load(made) for name, made in self._made.items()}

    def _holding(self, samples: Samples) -> list[str]:
        """Those that keep the score. What is slower than the fastest FP32 has lost already, and is not asked."""
        order = sorted(self._made, key=lambda name: float(np.median(samples[name])))
        holding: list[str] = []
        for name in order:
            made = self._made[name]
            if made.artefact.precision == FP32:
                return [*holding, *(other for other in order if self._made[other].artefact.precision == FP32)]
            if self._holds(made) or (made.artefact.precision == INT8 and self._again(made)):
                holding.append(name)
        return holding

    def _again(self, made: _Made) -> bool:
        """INT8 once more, in every way that the target has."""
        if len(made.target.recipes) < 2:
            return False
        made.artefact = self._artefact(made.target, INT8, search=True)
        return self._holds(made)

    def _holds(self, made: _Made) -> bool:
        if self._before is None:
            self._before = self._answers(next(m for m in self._made.values() if m.artefact.precision == FP32))
        found, task = self._answers(made), self._workload.task
        theirs = grades(self._workload, self._before, self._before)
        ours = grades(self._workload, found, self._before)
        made.drop, made.drop_interval = drop_interval(theirs, ours, task.score)
        limit = self._budget.drop
        allowed = limit.value * abs(task.score(theirs)) if limit.relative else limit.value
        made.why = "" if made.drop <= allowed else f"loses {made.drop:.2f} points, allowed are {allowed:.2f}"
        return not made.why

    def _answers(self, made: _Made) -> Answers:
        runner = self._load(made)()
        outputs = [runner.run([tensor.numpy() for tensor in batch.inputs])[0] for batch in self._batches]
        targets = [batch.targets.numpy() for batch in self._batches if batch.targets is not None]
        rows = [int(row) for batch in self._batches for row in batch.indices]
        return Answers(np.concatenate(outputs), wanted(self._workload.splits.select, rows, targets))

    def _entrant(self, name: str, best: str, samples: Samples) -> Entrant:
        made = self._made[name]
        median, interval = median_interval(samples[name])
        entrant = Entrant(
            made.target.name,
            made.artefact.precision,
            median,
            interval,
            made.artefact.size_bytes,
            made.drop,
            made.drop_interval,
            len(samples[name]),
            chosen=name == best,
        )
        return replace(entrant, reason=self._reason(name, best, samples))

    def _reason(self, name: str, best: str, samples: Samples) -> str:
        made = self._made[name]
        if name == best:
            return "the fastest that keeps the score"
        if made.why:
            return made.why
        ratio, (low, high) = ratio_interval(samples[name], samples[best])
        text = f"{ratio:.2f}x the time ({low:.2f} to {high:.2f})"
        plain = f"{made.target.name} {FP32}"
        own = float(np.median(samples[name]) / np.median(samples.get(plain, samples[name])))
        if made.artefact.precision == INT8 and own > _SAME:
            return f"{text}; INT8 is slower than FP32 here ({own:.2f}x the time)"
        if made.artefact.precision == FP16 and own > 1 / _SAME:
            return f"{text}; FP16 gains no time here"
        return text
