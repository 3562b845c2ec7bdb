"""What ``--dry-run`` prints: everything that was checked, without starting the work."""

import json
import tempfile
from pathlib import Path
from typing import Any

from lissom.api import budget_for, find_target
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures, to_json
from lissom.core.units import format_bytes, format_ms, format_seconds
from lissom.engine.baseline import establish, without_samples
from lissom.engine.options import Options
from lissom.engine.pace import measure_pace
from lissom.engine.racing import is_race, racing
from lissom.plan.budget import check_absolute, parse_budget
from lissom.steps.distillation.learning import usual_learning
from lissom.train.trying import check_trains, fails_to_train
from lissom.workload.weights import check_finite
from lissom.workload.workload import Workload


def print_checks(
    workload: Workload, budget: str, target: str, options: Options, *, planned: bool, as_json: bool
) -> None:
    """Score and measure the original, hold it against the budget, and print what a run would start from."""
    limits = parse_budget(budget_for(workload.task.name, budget))
    check_finite(workload.module.state_dict(), workload.name)
    if not planned:
        check_trains(workload.module, workload.splits.train, workload.name)
    raced = [item.name for item in racing(target)] if is_race(target) else []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        baseline = establish(
            workload, find_target(raced[0] if raced else target), options, work, Ledger(work), Progress()
        )
    figures = baseline.figures
    check_absolute(limits, figures, planned=planned)
    reason = fails_to_train(workload.module, workload.splits.train) if planned else ""
    pace = {} if reason else measure_pace(workload, workload, baseline.fast, usual_learning(workload)[1])
    found = {
        "started": False,
        "model": workload.name,
        "examples": {name: len(getattr(workload.splits, name)) for name in ("train", "select", "test")},
        "original": to_json(without_samples(figures)),
        "budget": str(limits),
        "targets": raced or [target],
        "notes": list(workload.notes),
        "epoch_seconds": pace.get("epoch_s"),
        "teacher_seconds": pace.get("teacher_s"),
        "cannot_train": reason or None,
    }
    print(json.dumps(found, indent=2, ensure_ascii=False) if as_json else _written(found, figures))


def _written(found: dict[str, Any], figures: Figures) -> str:
    """The checks for people."""
    cost = f"{format_ms(figures.latency_ms)}, {format_bytes(figures.size_bytes)}"
    raced = found["targets"]
    lines = [
        f"model    {found['model']}",
        f"data     {', '.join(f'{count} {name}' for name, count in found['examples'].items())}",
        f"original score {figures.score:.2f} on select, {cost}",
        f"budget   {found['budget']}",
        *([f"target   the fastest of {', '.join(raced)}; the figures above are of {raced[0]}"] if raced[1:] else []),
        *(f"note     {note}" for note in found["notes"]),
        f"time     {_time(found)}",
        "nothing was started (--dry-run)",
    ]
    return "\n".join(lines)


def _time(found: dict[str, Any]) -> str:
    """What learning would take; of a model that cannot learn, which a plan may not ask of it, why not."""
    if found["cannot_train"]:
        return f"none for training: the forward fails in training mode: {found['cannot_train']}"
    epoch, answers = format_seconds(found["epoch_seconds"]), format_seconds(found["teacher_seconds"])
    return f"{epoch} for an epoch of the uncut model, {answers} for its answers as a teacher"
