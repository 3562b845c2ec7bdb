"""Is a budget met whenever it can be? Budgets are drawn from a front that was measured without the search.

    python benchmarks/budgets.py front WORK SUBJECT   uniform widths, all trained alike; a quiet half hour
    python benchmarks/budgets.py run WORK SUBJECT     a run of lissom for each of ten budgets; a quiet hour or two
    python benchmarks/budgets.py far WORK SUBJECT     how soon it is said that no cut meets a budget
    python benchmarks/results.py                      the table, in docs/results.md

The front cuts every layer to the same share by L1, repairs, distils for an epoch, and is exported in FP32 and INT8. A
budget asks for the latency, the size, or both of one of its artefacts, at the upper end of what was measured, and for
that artefact's drop on the test split, rounded up to half a point. Subjects are sample and resnet20; results go to
results/budgets.json.
"""

import json
import math
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adding import known, once
from pruning import accuracy, artefact_accuracy, context_of  # first: it chooses one thread
from rewrites import unflattered

from lissom.api import compress
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.machine import describe
from lissom.core.progress import Progress
from lissom.core.statistics import ratio_interval
from lissom.core.timing import interleaved
from lissom.engine.options import Options
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.choosing import choose
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "budgets.json"
GONE = (0.15, 0.3, 0.45, 0.6, 0.75)
KINDS = (("latency",), ("size",), ("latency", "size"))
BUDGETS, SECONDS = 10, 6.0
LIMITS_S = {"sample": 300.0, "resnet20": 600.0}
FAR = ("size<=0.01%", "latency<=2%", "macs<=0.1%", "size<=50%, latency<=2%")  # less than the narrowest takes


def front(work: Path, name: str) -> None:
    """What uniform cuts give."""
    workload = unflattered(name, work)
    for gone in GONE:
        with TemporaryDirectory() as folder:
            once(
                RESULTS,
                name,
                "front",
                f"{gone:g}",
                lambda gone=gone, folder=folder: point(workload, gone, Path(folder)),
            )


def point(workload: Workload, gone: float, folder: Path) -> dict[str, Any]:
    """A uniform cut, in FP32 and INT8."""
    context = context_of(workload, folder, 0)
    step = choose(workload, gone, criterion="l1", ranking="local")
    made = Reconstruct().apply(step.apply(workload, context), context)
    made = Distill(epochs=1).apply(made, context)
    before = context.target.export(workload.module, workload.example, folder / "before.onnx")
    plain = context.target.export(made.module, made.example, folder / "after.onnx")
    small = QuantizeInt8().apply(plain, made, context)
    example = [tensor.numpy() for tensor in workload.example]
    runners = {item.precision: context.target.load(item.path, threads=1) for item in (plain, small)}
    runners["before"] = context.target.load(before.path, threads=1)
    samples = interleaved({key: lambda r=r: r.run(example) for key, r in runners.items()}, seconds=SECONDS)
    score = accuracy(workload.module, workload.splits.test)
    return {
        item.precision: {
            "latency": ratio_interval(samples[item.precision], samples["before"])[1][1],
            "size": item.size_bytes / before.size_bytes,
            "drop": score - artefact_accuracy(runners[item.precision], workload.splits.test),
        }
        for item in (plain, small)
    }


def budgets(name: str) -> list[str]:
    """Ten budgets of the front, drawn."""
    draw = random.Random(0)
    found: list[str] = []
    points = list(known(RESULTS)[name]["front"].values())
    while len(found) < BUDGETS:
        point_, precision, measures = draw.choice(points), draw.choice(("fp32", "int8")), draw.choice(KINDS)
        made = point_[precision]
        costs = [f"{measure}<={math.ceil(1000 * made[measure]) / 10:g}%" for measure in measures]
        drop = max(0.5, math.ceil(2 * made["drop"]) / 2)
        text = ", ".join([*costs, f"drop<={drop:g}pt"])
        if text not in found and all(made[measure] < 1 for measure in measures):
            found.append(text)
    return found


def run(work: Path, name: str) -> None:
    """One run for each budget."""
    workload = unflattered(name, work)
    for budget in budgets(name):
        once(RESULTS, name, "runs", budget, lambda budget=budget: _run(workload, budget, LIMITS_S[name]))


def _run(workload: Workload, budget: str, limit_s: float) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        options = Options(time_limit_s=limit_s)
        done = compress(workload, budget=budget, output=Path(folder) / "run", options=options, progress=Progress(False))
        told = Ledger(done.folder).values("forecast of trial")
        summary = json.loads((done.folder / "summary.json").read_text(encoding="utf-8"))
        return {
            "met": done.met,
            "seconds": time.perf_counter() - start,
            "limit_s": limit_s,
            "limits": summary["limits"],
            "latencies": [[cut["expected"], cut["measured"]] for cut in told],
            "machine": describe().processor,
        }


def far(work: Path, name: str) -> None:
    """When it is said that a budget cannot be met."""
    workload = unflattered(name, work)
    for budget in FAR:
        once(RESULTS, name, "far", budget, lambda budget=budget: _far(workload, budget))


class _SaidError(Exception):
    """That it is over the budget."""


class _Listening(Progress):
    """Hears what a person would read, and ends the run once that is said."""

    def say(self, text: str) -> None:
        if "over the budget" in text:
            raise _SaidError(text)


def _far(workload: Workload, budget: str) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        start, said = time.perf_counter(), ""
        try:
            compress(workload, budget=budget, output=Path(folder) / "run", progress=_Listening(False))
        except (_SaidError, LissomError) as error:
            said = str(error)
        return {"said": said, "seconds": time.perf_counter() - start, "machine": describe().processor}


if __name__ == "__main__":
    {"front": front, "run": run, "far": far}[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
