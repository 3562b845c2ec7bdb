"""What ``lissom`` offers to Python programs: load, profile, compress, and the run that comes out."""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

from torch import nn

from lissom.core.errors import LissomError
from lissom.core.files import writing
from lissom.core.ledger import Ledger
from lissom.core.machine import check_threads
from lissom.core.progress import Progress
from lissom.core.records import Settings, to_json
from lissom.cost import Profile
from lissom.cost import profile as profile_module
from lissom.engine.compress import Job
from lissom.engine.compress import compress as carry_out
from lissom.engine.delivery import delivered_plan
from lissom.engine.following import dismiss, follow, greet
from lissom.engine.fronting import plan_for
from lissom.engine.identity import weights_of
from lissom.engine.methods import PRUNE
from lissom.engine.options import Options
from lissom.engine.racing import choose_target, is_race
from lissom.engine.ray_cluster import RayCluster
from lissom.engine.spreading import Executor
from lissom.export.bundle import replace_folder
from lissom.plan.budget import Budget, check_costs, in_points, parse_budget
from lissom.plan.move import Plan
from lissom.report.html import write_page
from lissom.report.summary import write_summary
from lissom.report.terminal import table
from lissom.report.view import read
from lissom.targets import TARGETS
from lissom.targets.target import Target
from lissom.tasks import TASKS
from lissom.tasks.loading import load as load_workload
from lissom.train.team import Team, assemble
from lissom.workload.storage import load_model
from lissom.workload.workload import Workload

__all__ = ["Run", "compress", "load", "profile"]


@dataclass(frozen=True)
class Run:
    """A finished run in its folder. Printing it shows every move, kept or undone, and why."""

    folder: Path
    met: bool

    @property
    def bundle(self) -> Path:
        """The deployable folder."""
        return self.folder / "bundle"

    @property
    def model(self) -> Path:
        """The smaller model before its export, as data: ``lissom.load(run.model, build=...)`` reads it."""
        return self.folder / "model.safetensors"

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.folder / "report.html"

    def save(self, folder: str | Path) -> Path:
        """Copy the bundle to ``folder``, whole or not at all.

        Raises:
            LissomError: there is something at ``folder`` already.
        """
        place = Path(folder).resolve()
        if place.exists() and (place.is_file() or any(place.iterdir())):
            what = "is a file" if place.is_file() else "is not empty"
            raise LissomError(f"{place} {what}", hint="choose another folder")
        making = place.with_name(f".{place.name}.part")
        with writing(place):
            shutil.rmtree(making, ignore_errors=True)
            try:
                shutil.copytree(self.bundle, making)
                replace_folder(making, place)
            finally:
                shutil.rmtree(making, ignore_errors=True)
        return Path(folder)

    def __str__(self) -> str:
        return table(read(self.folder))


@overload
def load(model: str | Path, *, build: Callable[[], nn.Module]) -> nn.Module: ...


@overload
def load(model: str | nn.Module, *, data: Any, **options: Any) -> Workload: ...


def load(
    model: str | Path | nn.Module, *, build: Callable[[], nn.Module] | None = None, **options: Any
) -> Workload | nn.Module:
    """Load a model with its data, to be compressed; or, with ``build``, a compressed model that was saved.

    Args:
        model: with ``build`` a saved model, such as ``run.model``, or weights alone in safetensors, which have to be
            all those of what ``build`` makes; otherwise what
            :func:`lissom.tasks.loading.load` takes: ``zoo:NAME``, ``file.py:function``, a module, and so on.
        build: makes a fresh, uncompressed instance of the original's architecture. What was cut, put in place of
            others and trained is done to it again, in its own class wherever that can express it; no pickle is read.
        options: ``data``, ``task`` and the others of :func:`lissom.tasks.loading.load`.

    Returns:
        With ``build`` the smaller model, in the training mode of the fresh instance; otherwise a workload.

    Raises:
        LissomError: the file cannot be read, ``build`` makes another architecture, or anything else that a user can
            mend.
    """
    if build is None:
        if "data" not in options:
            raise LissomError(
                "load needs the data of a workload, or a build for a saved model",
                hint=("lissom.load(MODEL, data=DATA)", "lissom.load(FILE, build=FUNCTION)"),
            )
        return load_workload(_spec(model), **options)
    if options or isinstance(model, nn.Module):
        what = ", ".join(f"{name}=" for name in options) or f"a {type(model).__name__} for a file"
        raise LissomError(f"a saved model is loaded from a file with build= alone, not with {what}",
                          hint="lissom.load(FILE, build=FUNCTION)")  # fmt: skip
    return load_model(Path(model), build)[0]


def _spec(model: str | Path | nn.Module) -> str | nn.Module:
    return str(model) if isinstance(model, Path) else model


def profile(workload: Workload) -> Profile:
    """Parameters, multiply-adds, peak activation memory and size of a workload's model, by layer."""
    return profile_module(workload.module, workload.example)


def find_target(name: str) -> Target:
    """The target called ``name``, ready to be used.

    Raises:
        LissomError: it is unknown, or something it needs is not installed.
    """
    target: Target = TARGETS.get(name)()
    target.check_usable()
    return target


def budget_for(task: str, budget: str) -> str:
    """A budget in the unit of a task's score: where that is a loss in percent already, a drop in percent is in points.

    Raises:
        LissomError: it is no budget.
    """
    return in_points(budget) if task in TASKS and TASKS.get(task).percent_lost else budget


def compress(
    workload: Workload,
    *,
    budget: str,
    target: str = "onnxruntime",
    output: str | Path = "runs/lissom",
    options: Options | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
    plan: Plan | None = None,
    ray: str | None = None,
) -> Run:
    """Make a workload's model meet a budget on a target, and prove it.

    Several processes that ``torchrun`` has started make one run: all learn, the first one does the rest.

    Args:
        workload: from :func:`load`.
        budget: limits, for example ``"latency<=5ms, size<=2MB, drop<=0.5pt"``. Of a codec a drop of 1 % is 1 % more
            bits for the same PSNR, which is a point.
        target: a name in ``lissom.targets.TARGETS``; or ``auto``, or several names by commas: the one that the
            original is fastest on here, in a precision that keeps its score, all measured in turn.
        output: the folder of the run. A run that was stopped there goes on; a finished one is given back.
        options: how to search.
        settings: what is written down as asked for; by default what the workload says of itself.
        progress: where to show it; by default on a terminal.
        plan: what to do instead of searching, such as a :func:`lissom.plan.recipes.recipe`.
        ray: the address of a Ray cluster on which the search's recoveries are carried out, several at a time. Its
            workers load the model as ``settings`` say, so these have to be given. Latency is measured here.

    Returns:
        The run. ``run.met`` says whether the budget is met on the test split.

    Raises:
        LissomError: anything that a user can mend.
    """
    options = options or Options()
    progress = progress or Progress()
    budget = budget_for(workload.task.name, budget)
    team = assemble()
    if not team.leads:
        return _follow(workload, Path(output), options.seed, team)
    limits = parse_budget(budget)
    _check_asked(workload, limits, options, plan, spread=ray is not None)
    if is_race(target):
        target = choose_target(target, workload, limits, options, Path(output), progress)
        settings = None if settings is None else replace(settings, target=target)
    settings = replace(settings or _settings(workload, budget, target, options), budget=budget)
    if plan is not None:
        told = json.loads(json.dumps(plan.to_json()))
        settings = replace(settings, options={**settings.options, "plan": told})
    executor = None if ray is None else _cluster(ray, workload, settings)
    runtime = find_target(target)
    return _lead(
        Job(workload, limits, runtime, Path(output), settings, options, progress, plan, team=team, executor=executor)
    )


def _check_asked(workload: Workload, limits: Budget, options: Options, plan: Plan | None, *, spread: bool) -> None:
    """Refuse what does not go together, or not with this machine, before anything is measured."""
    check_threads(options.threads, "threads")
    if spread and (plan is not None or PRUNE not in options.methods):
        raise LissomError("a cluster carries out the trials of a search among cuts, and none is asked for",
                          hint="leave out --ray, or the plan, or name prune among the methods")  # fmt: skip
    if plan is None:
        if not options.front:
            check_costs(limits)
        return
    if not isinstance(plan, Plan):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise LissomError(f"a plan is asked for, and {plan!r} is none",
                          hint='lissom.plan.recipes.recipe("tinybert", workload) makes one')  # fmt: skip
    if not plan.moves:
        raise LissomError("the plan has no moves", hint="lissom.compress without a plan searches for one")
    for step in (step for move in plan.moves for step in move.steps):
        step.check(workload)


def _cluster(address: str, workload: Workload, settings: Settings) -> Executor:
    if "loading" not in settings.options:
        raise LissomError(
            f"the workers of a cluster cannot load {workload.name}: it was made by this program",
            hint="lissom compress MODEL --data DATA --ray ADDRESS loads it on each of them by its name",
        )
    return RayCluster(address, source_of(settings), weights_of(workload), settings.seed)


def _follow(workload: Workload, folder: Path, seed: int, team: Team) -> Run:
    met = follow(workload, find_target("onnxruntime"), folder, seed=seed, team=team)
    if met is None:
        raise SystemExit(2)  # the leader says why
    return Run(folder, met)


def _lead(job: Job) -> Run:
    """Carry a job out, with the other processes of the team told when it is over."""
    greet(job.workload, job.team)
    met: bool | None = None
    try:
        met = _carry_out(job)
        return Run(job.folder, met)
    finally:
        dismiss(job.team, met)


def _carry_out(job: Job) -> bool:
    """Carry a job out and write its reports; whether the budget is met."""
    try:
        met = carry_out(job)
    except BaseException:
        with contextlib.suppress(Exception):  # what went wrong first is what a user has to know
            if _is_of(job.folder, job.settings):
                write_reports(job.folder)
        raise
    write_reports(job.folder)
    return met


def _is_of(folder: Path, settings: Settings) -> bool:
    """Whether the run in ``folder`` is the one with these settings; a refused start leaves others' reports alone."""
    return to_json(Ledger(folder).get(Settings)) == to_json(settings)


def apply_plan(
    run: str | Path,
    *,
    output: str | Path,
    weights: str | Path | None = None,
    budget: str | None = None,
    download: bool = False,
) -> Run:
    """Carry the plan of a finished run out again: on a newer checkpoint, or for another budget.

    Args:
        run: the folder of the finished run.
        output: the folder of the new run.
        weights: a newer checkpoint of the same architecture: the delivered plan is carried out on it.
        budget: other limits: of what the run tried, the point that meets them and loses least is delivered.
            Without ``weights`` nothing is trained again.
        download: allow data to be fetched.

    Raises:
        LissomError: there is neither of the two, the run is not finished or was started from Python, or the
            checkpoint does not fit.
    """
    if weights is None and budget is None:
        raise LissomError("there is nothing new to apply", hint="--weights FILE, or --budget LIMITS")
    earlier = Ledger(Path(run))
    settings = earlier.get(Settings)
    if settings is None or earlier.find("end") is None:
        raise LissomError(f"{run} holds no finished run", hint="the folder of lissom compress -o is meant")
    if "loading" not in settings.options:
        raise LissomError(
            f"the model and the data of {run} were made by a Python program, and cannot be loaded by their names",
            hint="what lissom compress MODEL --data DATA started can be applied again",
        )
    if Path(output).resolve() == Path(run).resolve():
        raise LissomError(f"{output} is the run itself", hint="choose another folder for the new one with -o")
    check_threads(settings.threads, "threads")
    budget = None if budget is None else budget_for(settings.task, budget)
    plan = delivered_plan(earlier) if budget is None else plan_for(earlier, parse_budget(budget))
    again = replace(settings, budget=budget or settings.budget, options=_applied(settings, run, weights, budget))
    workload = load_workload(**{**source_of(again), "download": download})
    options = Options(threads=settings.threads, batch=settings.batch, seed=settings.seed)
    known = Path(run) if weights is None else None
    team = assemble()
    if not team.leads:
        return _follow(workload, Path(output), settings.seed, team)
    limits, runtime = parse_budget(again.budget), find_target(settings.target)
    return _lead(Job(workload, limits, runtime, Path(output), again, options, Progress(), plan, known, team))


def _applied(settings: Settings, run: str | Path, weights: str | Path | None, budget: str | None) -> dict[str, Any]:
    """The options of a run that carries the plan of another out again; what its weights were is how it is loaded, and
    random ones give way to a checkpoint."""
    before = source_of(settings)["weights"]
    loading = {name: value for name, value in settings.options["loading"].items() if name != "weights"}
    if weights is None and before is not None:
        loading["weights"] = before
    if weights is not None:
        loading["random_weights"] = False
    asked = {"weights": None if weights is None else str(weights), "plan of": str(run), "budget": budget}
    return {**settings.options, "loading": loading, **asked}


def source_of(settings: Settings) -> dict[str, Any]:
    """The arguments of :func:`lissom.tasks.loading.load` that a run was started with."""
    return {
        "model": settings.model,
        "data": settings.data,
        "task": settings.task,
        "weights": settings.options.get("weights"),
        "seed": settings.seed,
        **settings.options.get("loading", {}),
    }


def write_reports(folder: Path) -> None:
    """Write ``summary.json`` and ``report.html`` from the ledger, as far as the run got."""
    if not (folder / "ledger.jsonl").exists():
        return
    view = read(folder)
    if view.baseline is None:
        return
    write_summary(view)
    write_page(view)


def _settings(workload: Workload, budget: str, target: str, options: Options) -> Settings:
    sizes: dict[str, Any] = {name: len(getattr(workload.splits, name)) for name in ("train", "select", "test")}
    return Settings(
        model=workload.name,
        data=", ".join(f"{name} {size}" for name, size in sizes.items()),
        task=workload.task.name,
        budget=budget,
        target=target,
        threads=options.threads,
        batch=options.batch,
        seed=options.seed,
        options={**options.deciding(), "keep": list(workload.keep)},
    )
