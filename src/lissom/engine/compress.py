"""From a workload and a budget to an artefact with proof: the order in which everything is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lissom.core.files import check_writable
from lissom.core.machine import describe
from lissom.core.progress import Deadline, Progress
from lissom.core.records import Settings, Verdict
from lissom.core.units import format_bytes, format_seconds
from lissom.engine.baseline import Baseline, check_weights, establish
from lissom.engine.carrying import Carrier
from lissom.engine.delivery import deliver
from lissom.engine.folder import RunFolder
from lissom.engine.options import Options
from lissom.engine.pace import measure_pace, recovery
from lissom.engine.reach import Prober, Reach, fitting, reach_record, reachable
from lissom.engine.sensitivity import analyse, cost_model, coupled
from lissom.engine.stopwatch import Stopwatch
from lissom.engine.trials import State, Trials, Tried, best_of
from lissom.plan.allocation import to_json
from lissom.plan.budget import Budget, check_absolute
from lissom.plan.move import Move, Plan, move_from_json, plan_from_json
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.criteria import weakest
from lissom.steps.pruning.prune import Prune, without
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context
from lissom.targets.target import Target
from lissom.train.teacher import cache_bytes
from lissom.workload.workload import Workload

_RESERVE_S = 45.0


@dataclass(frozen=True)
class Job:
    """All that a run is given. With a ``plan`` nothing is searched: it is carried out as it is."""

    workload: Workload
    budget: Budget
    target: Target
    folder: Path
    settings: Settings
    options: Options
    progress: Progress
    plan: Plan | None = None


def compress(job: Job) -> bool:
    """Carry a run out, or go on with it.

    Returns:
        Whether the budget is met on the test split.

    Raises:
        LissomError: anything the user can mend; what was finished stays in the folder.
    """
    folder = RunFolder(job.folder, job.settings)
    try:
        if not folder.finished:
            _Run(job, folder).carry_out()
        end = folder.ledger.find("end")
        assert end is not None
        return bool(end["met"])
    finally:
        folder.close()


class _Run:
    """One start of a run: everything that the ledger knows is read from there."""

    def __init__(self, job: Job, folder: RunFolder) -> None:
        self.job, self.folder, self.ledger = job, folder, folder.ledger
        self.watch = Stopwatch()
        self.deadline = Deadline(job.options.time_limit_s)

    def carry_out(self) -> None:
        job = self.job
        if self.ledger.find("machine") is None:
            self.ledger.put(describe())
        check_weights(job.workload)
        for number, note in enumerate(job.workload.notes):
            self._once("note", str(number), note)
        with self.watch.part("baseline"):
            baseline = establish(
                job.workload, job.target, job.options, self.folder.work, self.ledger, job.progress
            )
        job.progress.say(f"the original: score {baseline.figures.score:.2f}, {baseline.figures.latency_ms:.3g} ms")
        check_absolute(job.budget, baseline.figures)
        context = self._context(baseline)
        plan = job.plan or self._plan(context, baseline)
        carrier = Carrier(self.ledger, self.folder.work / "steps", context)
        trials = Trials(self.ledger, carrier, baseline, job.budget)
        with self.watch.part("trials"):
            best = self._try(trials, plan)
        with self.watch.part("verdict"):
            verdict = deliver(job.workload, job.budget, baseline, carrier, best, self.folder)
        self.ledger.append("end", "", self._end(verdict))

    def _context(self, baseline: Baseline) -> Context:
        return Context(
            original=self.job.workload,
            target=self.job.target,
            answer=baseline.fast,
            folder=self.folder.work,
            shared=self.folder.work,
            seed=self.job.options.seed,
            deadline=self.deadline,
            progress=self.job.progress,
        )

    def _plan(self, context: Context, baseline: Baseline) -> Plan:
        job, options = self.job, self.job.options
        with self.watch.part("analysis"):
            analysis = self.ledger.find("analysis")
            if analysis is None:
                analysis = analyse(
                    job.workload, examples=options.calibration, seed=options.seed, progress=job.progress
                )
                self.ledger.append("analysis", "", analysis)
                self._skipped(analysis)
            model = cost_model(job.workload, coupled(job.workload), analysis, options.multiple)
        prober = Prober(self.ledger, context, baseline.bench, baseline.figures, model)
        with self.watch.part("probes"):
            reach = self._reach(prober)
        found = self.ledger.find("plan")
        if found is None:
            with self.watch.part("pace"):
                plan = self._moves(context, prober, reach)
            found = plan.to_json()
            self.ledger.append("widths", "", to_json(reach.widths, model.choices))
            self.ledger.append("plan", "", found)
        return plan_from_json(found)

    def _reach(self, prober: Prober) -> Reach:
        """The widths to go for: the cut that meets the limits and loses the least, else the narrowest."""
        least = reachable(prober, self.job.budget)
        for name, item in least.items():
            self._once("reach", f"minimum {name}", reach_record(item, prober.measure(item.widths)[name]))
        found = [item for precision in least if (item := fitting(prober, self.job.budget, precision)) is not None]
        if not found:
            worst = min(least.values(), key=lambda item: max(item.usage.values()))
            over = ", ".join(f"{name} {share:.1f} times" for name, share in worst.usage.items() if share > 1)
            note = f"even the narrowest cut is over the budget ({over}); the closest result is made"
            self._once("note", "unreachable", note if over else "no cut was found within the budget")
            self.job.progress.say(note)
            return worst
        best = min(found, key=lambda item: item.lost)
        self._once(
            "reach", f"planned {best.precision}", reach_record(best, prober.measure(best.widths)[best.precision])
        )
        return best

    def _moves(self, context: Context, prober: Prober, reach: Reach) -> Plan:
        """Cut, repair and recover as one move; the number format as a second."""
        job, names = self.job, {choice.index: choice.name for choice in prober.model.choices}
        removed = weakest(prober.importance, reach.widths)
        cut = without(job.workload, removed)
        pace = measure_pace(job.workload, cut, context.answer, Distill(1).batch)
        distill = recovery(pace, job.options, self.deadline.left() - _RESERVE_S)
        self._estimate(pace, distill, context)
        prune = Prune(tuple((index, names[index], units) for index, units in sorted(removed.items())))
        kept = prober.model.cost("parameters", reach.widths) / prober.model.cost("parameters", prober.model.full)
        steps = (prune, Reconstruct(examples=job.options.calibration), distill)
        return Plan(
            (
                Move(f"prune {1 - kept:.0%} + repair + distill", steps),
                Move("quantize int8", (QuantizeInt8(),)),
            )
        )

    def _estimate(self, pace: dict[str, float], distill: Distill, context: Context) -> None:
        seconds = (
            self.watch.total + pace["epoch_s"] * distill.epochs + pace["teacher_s"] * distill.views + _RESERVE_S
        )
        outputs = len(self.job.workload.classes) or 1000
        disk = cache_bytes(len(self.job.workload.splits.train), outputs, distill.views) + 100_000_000
        check_writable(self.folder.path, disk)
        self.ledger.append("estimate", "", {"seconds": seconds, "disk_bytes": disk, **pace})
        self.job.progress.say(f"this will take about {format_seconds(seconds)} and {format_bytes(disk)} of disk")

    def _try(self, trials: Trials, plan: Plan) -> Tried:
        """Try the moves in order; each builds on what was kept. The best of all that was tried is delivered.

        A cut that loses too much is recovered longer while there is time, and is still the way to the closest
        result when there is none.
        """
        state = State()
        moves = list(plan.moves)
        while moves:
            move = moves.pop(0)
            tried = trials.try_move(state, move)
            self.job.progress.say(f"{move.name}: {'kept' if tried.trial.kept else 'undone'}, {tried.trial.reason}")
            if not tried.trial.kept and move.model_steps and (longer := self._longer(trials, move)):
                moves.insert(0, longer)
                continue
            if tried.trial.kept or not state.steps:
                state = tried.state
        return best_of(trials.tried)

    def _longer(self, trials: Trials, move: Move) -> Move | None:
        """The same move with one more round of distillation, if tries and time are left."""
        key = str(len(trials.tried))
        found = self.ledger.find("longer", key)
        if found is None:
            rounds = [step for step in move.steps if isinstance(step, Distill)]
            pace = self.ledger.find("estimate") or {}
            need = rounds[-1].epochs * pace.get("epoch_s", 0.0) + _RESERVE_S if rounds else 0.0
            again = bool(rounds) and len(rounds) < self.job.options.tries and self.deadline.left() > need
            name = f"{move.name.partition(', again')[0]}, again"
            found = Move(name, (*move.steps, rounds[-1])).to_json() if again else {}
            self.ledger.append("longer", key, found)
        return move_from_json(found) if found else None

    def _skipped(self, analysis: dict[str, Any]) -> None:
        for operator, times in analysis["unknown"].items():
            self.ledger.append(
                "skipped", operator, {"what": operator, "why": f"no rule for it ({times} times): left whole"}
            )
        for number, note in enumerate(analysis["notes"]):
            self.ledger.append("skipped", f"note {number}", {"what": "layers left whole", "why": note})

    def _once(self, kind: str, key: str, value: Any) -> None:
        if self.ledger.find(kind, key) is None:
            self.ledger.append(kind, key, value)

    def _end(self, verdict: Verdict) -> dict[str, Any]:
        return {"met": verdict.met, "seconds": round(self.watch.total, 2), "parts_seconds": self.watch.summary()}
