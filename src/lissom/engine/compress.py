"""From a workload and a budget to an artefact with proof: the order in which everything is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.machine import describe
from lissom.core.progress import Deadline, Progress
from lissom.core.records import Settings, Verdict
from lissom.core.units import format_seconds
from lissom.engine.baseline import Baseline, establish, say_coarse
from lissom.engine.carrying import Carrier
from lissom.engine.delivery import deliver
from lissom.engine.floor import check_floor
from lissom.engine.folder import LOCK, RunFolder
from lissom.engine.forecast import compare
from lissom.engine.fronting import FrontSearch
from lissom.engine.given_plan import carry_out
from lissom.engine.heartbeat import beating
from lissom.engine.identity import check_same
from lissom.engine.methods import PRUNE
from lissom.engine.moves import Mover
from lissom.engine.options import Options
from lissom.engine.planning import Planner, Prepared, repair_of
from lissom.engine.rewriting import Rewriting
from lissom.engine.searching import Search
from lissom.engine.spreading import Executor, Spread
from lissom.engine.stopwatch import Stopwatch, time_left, time_spent
from lissom.engine.trials import Trials, Tried
from lissom.plan.budget import Budget, check_absolute
from lissom.plan.move import Plan
from lissom.steps.step import Context
from lissom.targets.target import Target, check_generates, check_precision
from lissom.train.team import ALONE, Team
from lissom.train.trying import check_trains
from lissom.workload.weights import check_finite
from lissom.workload.workload import Workload


@dataclass(frozen=True)
class Job:
    """All that a run is given.

    With a ``plan`` nothing is searched: it is carried out as it is. What the run in ``earlier`` did of it on the
    same weights is taken from there. ``team`` are the processes that learn together, which this one leads;
    ``executor`` carries recoveries out elsewhere, several at a time.
    """

    workload: Workload
    budget: Budget
    target: Target
    folder: Path
    settings: Settings
    options: Options
    progress: Progress
    plan: Plan | None = None
    earlier: Path | None = None
    team: Team = ALONE
    executor: Executor | None = None


def compress(job: Job) -> bool:
    """Carry a run out, or go on with it.

    Returns:
        Whether the budget is met on the test split.

    Raises:
        LissomError: anything the user can mend; what was finished stays in the folder.
    """
    for move in () if job.plan is None else job.plan.moves:
        for step in move.artefact_steps:
            check_precision(job.target, step.precision)
            if step.precision not in job.target.formats(job.workload):
                raise LissomError(
                    f"{step.name}: {job.workload.name} may be in FP32, and some layers of it in INT8 on some targets",
                    hint="the step int8 with --target onnxruntime or openvino",
                )
    check_generates(job.target, job.workload.module)
    folder = RunFolder(job.folder, job.settings)
    try:
        if folder.finished:
            job.progress.say(f"{job.folder} holds this run, finished: nothing was done")
        else:
            with beating(job.folder / LOCK), folder.beginning():
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
        number = str(len(self.ledger.values("start")) + 1)
        start = {"time_limit_s": job.options.time_limit_s, "lived_until": folder.lived_until}
        self.ledger.append("start", number, start)
        self.deadline = Deadline(time_left(self.ledger, job.options.time_limit_s))
        self.earlier_s = time_spent(self.ledger)

    def carry_out(self) -> None:
        job = self.job
        if self.ledger.find("machine") is None:
            self.ledger.put(describe())
        check_finite(job.workload.module.state_dict(), job.workload.name)
        check_same(job.workload, self.ledger)
        if job.plan is None:
            check_trains(job.workload.module, job.workload.splits.train, job.workload.name)
        for number, note in enumerate(job.workload.notes):
            self.ledger.once("note", str(number), note)
        with self.watch.part("baseline"):
            baseline = self._baseline()
        context = self._context(baseline)
        carrier = Carrier(self.ledger, self.folder.work / "steps", context)
        trials = Trials(self.ledger, carrier, baseline, job.budget)
        if job.plan is None:
            best = self._search(context, carrier, baseline, trials)
        else:
            if job.earlier is not None:
                carrier.adopt(job.earlier, job.plan)
            best = carry_out(trials, job.plan)
        with self.watch.part("verdict"):
            verdict = deliver(
                job.workload, job.budget, baseline, carrier, best, self.folder, compared=job.options.compared
            )
        self.ledger.append("end", "", self._end(verdict))

    def _baseline(self) -> Baseline:
        """The original, measured, and the budget held against it."""
        job = self.job
        baseline = establish(job.workload, job.target, job.options, self.folder.work, self.ledger, job.progress)
        job.progress.say(f"the original: score {baseline.figures.score:.2f}, {baseline.figures.latency_ms:.3g} ms")
        say_coarse(job.workload, job.budget, baseline.figures, self.ledger, job.progress)
        check_absolute(job.budget, baseline.figures, planned=job.plan is not None)
        if job.budget.costs:
            check_floor(job.budget, baseline, self.ledger)
        return baseline

    def _search(self, context: Context, carrier: Carrier, baseline: Baseline, trials: Trials) -> Tried:
        job = self.job
        mover = Mover(self.ledger, context, carrier, job.options)
        best = self._cut(context, carrier, baseline, trials, mover) if PRUNE in job.options.methods else None
        if job.options.front or not job.options.rewriting:
            assert best is not None
            return best
        repair = repair_of(job.workload, job.options, baseline.figures.latency_ms)
        rewriting = Rewriting(self.ledger, context, carrier, baseline, job.budget, mover, trials, repair)
        with self.watch.part("trials"):
            return rewriting.run(job.options.rewriting, best)

    def _cut(self, context: Context, carrier: Carrier, baseline: Baseline, trials: Trials, mover: Mover) -> Tried:
        job = self.job
        planner = Planner(self.ledger, context, carrier, baseline, job.budget, job.options, self.watch)
        search = Search(self.ledger, mover, trials, job.options)
        if planner.needs_no_cut and not job.options.front:
            with self.watch.part("trials"):
                uncut = search.uncut()
            if uncut is not None:
                return uncut
        prepared = planner.prepare()
        self._say_late()
        with self.watch.part("trials"):
            self._spread(carrier, mover, prepared)
            if job.options.front:
                best = FrontSearch(self.ledger, mover, trials, job.budget).run(prepared)
            else:
                best = search.run(prepared)
        compare(self.ledger, job.progress)
        return best

    def _spread(self, carrier: Carrier, mover: Mover, prepared: Prepared) -> None:
        """Let others carry out what the trials will ask for. Nothing is measured before all of them are done."""
        job = self.job
        if job.executor is not None:
            spread = Spread(self.ledger, carrier, mover, job.executor, job.progress)
            spread.ahead(prepared, everything=job.options.front, tries=job.options.tries)

    def _say_late(self) -> None:
        """Write down that the time limit was spent before the first cut: its recovery is then as short as can be."""
        if self.deadline.passed() and self.ledger.find("estimate") is None:
            spent, limit = self.earlier_s + self.watch.total, self.job.options.time_limit_s or 0.0
            note = (
                f"the time limit of {format_seconds(limit)} is shorter than one trial: {format_seconds(spent)} went "
                f"before it, so nothing was recovered; give at least {format_seconds(max(2 * spent, spent + 60))}"
            )
            self.ledger.once("note", "time limit", note)
            self.job.progress.say(note)

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
            team=self.job.team,
        )

    def _end(self, verdict: Verdict) -> dict[str, Any]:
        return {
            "met": verdict.met,
            "seconds": round(self.earlier_s + self.watch.total, 2),
            "parts_seconds": self.watch.summary(),
        }
