"""Before the first trial: what may be cut, what is within reach, and the ladder of cuts to try."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.engine.baseline import Baseline
from lissom.engine.carrying import Carrier
from lissom.engine.forecast import foretell
from lissom.engine.grain import grain
from lissom.engine.ladder import FRONT, Ladder, Rung
from lissom.engine.layer_times import LayerTimer
from lissom.engine.method_rungs import MethodRungs
from lissom.engine.options import Options
from lissom.engine.reach import Prober, Reach, fitting, range_words, reach_record, reachable, whole
from lissom.engine.sensitivity import analyse, cost_model, coupled
from lissom.engine.stopwatch import Stopwatch
from lissom.layers.listening import AT_ONCE, FEW, puts_into_words
from lissom.plan.allocation import CostModel, allocate, narrowest
from lissom.plan.budget import Budget
from lissom.steps.pruning.criteria import Sample
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context
from lissom.targets.target import FP32
from lissom.tasks import TASKS
from lissom.workload.workload import Workload

_LEAST_HOPE = 1.0
_PICTURE = 4  # dimensions
_REPAIR_S, _FEWEST, _TOGETHER = 60.0, 128, 64
_SLOWER = 2.0  # times the latency on the target: an example while a layer is solved
_OVER = 1.1  # of a limit: measured again, the narrowest cut will not come below it


@dataclass(frozen=True)
class Prepared:
    """The rungs to climb, where to begin by what a recovery may make good, and the format they are meant for.

    ``reachable`` is false where even the narrowest cut is clearly over the limits: then what keeps within the allowed
    drop and comes nearest to the other limits is searched for.
    """

    rungs: list[Rung]
    hope: float
    precision: str
    reachable: bool = True


def repair_of(workload: Workload, options: Options, latency_ms: float) -> Reconstruct:
    """How a cut is repaired before it is judged.

    Each layer that is solved takes the examples as far as itself through the network. So a deep or slow network is
    shown fewer of them, as many as a minute is enough for; the cuts of a front share it.

    Args:
        workload: the original.
        options: of the run.
        latency_ms: what the original takes for a batch on the target.
    """
    if puts_into_words(workload.module):
        return Reconstruct(examples=min(FEW, options.calibration), batch=AT_ONCE)
    layers = sum(parameter.dim() > 1 for parameter in workload.module.parameters())
    enough = 1000 * _REPAIR_S / (_SLOWER * max(latency_ms / options.batch, 1e-6) * (1 + layers / 2))
    enough /= len(FRONT) if options.front else 1
    return Reconstruct(examples=min(options.calibration, max(_FEWEST, int(enough // _TOGETHER) * _TOGETHER)))


def hope_of(budget: Budget, original: Figures, task: str) -> float:
    """How many points a change may lose before any training, and still be recovered within the budget."""
    return max(_LEAST_HOPE, TASKS.get(task).hope * budget.drop.allowed(original))


class Planner:
    """Finds out, once, what a search is made of; what the ledger knows is read."""

    def __init__(
        self,
        ledger: Ledger,
        context: Context,
        carrier: Carrier,
        baseline: Baseline,
        budget: Budget,
        options: Options,
        watch: Stopwatch,
    ) -> None:
        self._ledger, self._context, self._carrier = ledger, context, carrier
        self._baseline, self._budget, self._options = baseline, budget, options
        self._watch = watch
        self._fast = options.front or any(limit.measure == "latency" for limit in budget.costs)

    @property
    def needs_no_cut(self) -> bool:
        """Whether no limit asks for a cut: the whole network keeps them all, as it is or in another number format."""
        return self._reach.widths == self._prober.model.full

    def prepare(self) -> Prepared:
        """Analyse the model, measure what is reachable, and judge the rungs."""
        prober, reach = self._prober, self._reach
        reachable = max(reach.usage.values(), default=0.0) <= _OVER
        hope = hope_of(self._budget, self._baseline.figures, self._context.original.task.name)
        with self._watch.part("ladder"):
            repair = repair_of(self._context.original, self._options, self._baseline.figures.latency_ms)
            ladder = Ladder(self._ledger, self._carrier, self._baseline, prober, reach, repair)
            rungs = self._front(ladder, repair) if self._options.front else ladder.rungs(hope, reachable=reachable)
        foretell(self._ledger, prober.model, rungs)
        return Prepared(rungs, hope, reach.precision, reachable)

    def _front(self, ladder: Ladder, repair: Reconstruct) -> list[Rung]:
        """Cuts of all sizes, and what the other methods make.

        Raises:
            LissomError: there is nothing of either.
        """
        methods = MethodRungs(self._ledger, self._context, self._carrier, self._baseline, repair)
        rungs = [*ladder.front(), *(rung for name in self._options.rewriting for rung in methods.rungs(name))]
        if not rungs:
            most = f"{FRONT[0][0]:.0%} of the parameters and {FRONT[0][1]:.0%} of the multiply-adds"
            raise LissomError(
                f"a front begins at {most}, and what can be cut here leaves more",
                hint="lissom groups MODEL shows what can be cut; --budget takes limits that are nearer",
            )
        return rungs

    @cached_property
    def _prober(self) -> Prober:
        workload, bench = self._context.original, self._baseline.bench
        with self._watch.part("analysis"):
            model = self._model(workload, self._context.progress)
        timer = LayerTimer(self._ledger, workload, bench) if self._fast else None
        return Prober(self._ledger, self._context, bench, self._baseline.figures, model, timer)

    @cached_property
    def _reach(self) -> Reach:
        """The widths to go for: the cut that meets the limits and loses the least, else the narrowest."""
        prober, progress = self._prober, self._context.progress
        with self._watch.part("probes"):
            return self._widest(prober, progress) if self._budget.costs else Reach(prober.model.full, FP32, {}, 0.0)

    def _model(self, workload: Workload, progress: Progress) -> CostModel:
        options, coupling = self._options, coupled(workload)
        analysis = self._ledger.find("analysis")
        if analysis is None:
            sample = Sample(options.calibration, seed=options.seed, progress=progress)
            if puts_into_words(workload.module):
                sample = replace(sample, examples=min(FEW, options.calibration), batch=AT_ONCE)
            analysis = analyse(workload, coupling, sample)
            self._ledger.append("analysis", "", analysis)
        self._skipped(analysis)
        return cost_model(workload, coupling, analysis, options.multiple, self._grain(workload))

    def _grain(self, workload: Workload) -> int:
        """What widths of narrow groups are multiples of, where speed is asked for and pictures are what is read."""
        if not self._fast or all(tensor.dim() != _PICTURE for tensor in workload.example):
            return 1
        return grain(self._baseline.bench, self._ledger)

    def _widest(self, prober: Prober, progress: Progress) -> Reach:
        least = reachable(prober, self._budget)
        for name, item in least.items():
            self._ledger.once("reach", f"minimum {name}", reach_record(item, prober.measure(item.widths)[name]))
        self._say_range(prober, progress)
        found = [item for name in least if (item := whole(prober, self._budget, name)).within]
        if not found:
            found = [item for name in least if (item := fitting(prober, self._budget, name)) is not None]
        if not found:
            worst = min(least.values(), key=lambda item: max(item.usage.values()))
            over = ", ".join(f"{name} {share:.1f} times" for name, share in worst.usage.items() if share > 1)
            note = f"even the narrowest cut is over the budget ({over}); what comes nearest is looked for"
            note = note if over else "no cut was found within the budget; the narrowest is taken"
            self._ledger.once("note", "unreachable", note)
            progress.say(note)
            return worst
        best = min(found, key=lambda item: item.lost)
        measured = prober.measure(best.widths)[best.precision]
        self._ledger.once("reach", f"widest {best.precision}", reach_record(best, measured))
        return best

    def _say_range(self, prober: Prober, progress: Progress) -> None:
        """Tell what is to be had on this target, from the narrowest cut to the original, before any training."""
        model, original = prober.model, self._baseline.figures
        measures = ("parameters", "macs")
        half = allocate(model, {name: model.cost(name, model.full) / 2 for name in measures})
        least = prober.measure(narrowest(model))
        middle = least if half is None else prober.measure(half)
        for name in middle if half is not None else ():
            reach = Reach(half or {}, name, prober.usage(middle[name], self._budget), 0.0)
            self._ledger.once("reach", f"middle {name}", reach_record(reach, middle[name]))
        progress.say(range_words(least, middle, original))

    def _skipped(self, analysis: dict[str, Any]) -> None:
        for operator, times in analysis["unknown"].items():
            why = f"no rule for it ({times} times): left whole"
            self._ledger.once("skipped", operator, {"what": operator, "why": why})
        for number, note in enumerate(analysis["notes"]):
            self._ledger.once("skipped", f"note {number}", {"what": "layers left whole", "why": note})
