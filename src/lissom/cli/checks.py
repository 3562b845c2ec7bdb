"""What ``--dry-run`` prints: everything that was checked, without starting the work."""

import tempfile
from pathlib import Path

from lissom.api import budget_for, find_target
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.units import format_bytes, format_ms, format_seconds
from lissom.engine.baseline import establish
from lissom.engine.options import Options
from lissom.engine.pace import measure_pace
from lissom.engine.racing import is_race, racing
from lissom.plan.budget import check_absolute, parse_budget
from lissom.steps.distillation.learning import usual_learning
from lissom.workload.weights import check_finite
from lissom.workload.workload import Workload


def print_checks(workload: Workload, budget: str, target: str, options: Options, *, planned: bool) -> None:
    """Score and measure the original, hold it against the budget, and print what a run would start from."""
    limits = parse_budget(budget_for(workload.task.name, budget))
    check_finite(workload.module.state_dict(), workload.name)
    raced = [item.name for item in racing(target)] if is_race(target) else []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        baseline = establish(
            workload, find_target(raced[0] if raced else target), options, work, Ledger(work), Progress()
        )
    figures = baseline.figures
    check_absolute(limits, figures, planned=planned)
    splits = workload.splits
    print(f"model    {workload.name}")
    print(f"data     {len(splits.train)} train, {len(splits.select)} select, {len(splits.test)} test")
    cost = f"{format_ms(figures.latency_ms)}, {format_bytes(figures.size_bytes)}"
    print(f"original score {figures.score:.2f} on select, {cost}")
    print(f"budget   {limits}")
    if raced:
        print(f"target   the fastest of {', '.join(raced)}; the figures above are of {raced[0]}")
    for note in workload.notes:
        print(f"note     {note}")
    pace = measure_pace(workload, workload, baseline.fast, usual_learning(workload.module)[1])
    epoch, answers = format_seconds(pace["epoch_s"]), format_seconds(pace["teacher_s"])
    print(f"time     {epoch} for an epoch of the uncut model, {answers} for its answers as a teacher")
    print("nothing was started (--dry-run)")
