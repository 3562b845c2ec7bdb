"""``lissom zoo``: the model families, which of them fit a budget, and one of them by layer."""

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lissom.cli.zoo_table import USUAL, Row, doubt, score, table
from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from lissom.targets.target import Target
    from lissom.zoo import Entry

_COSTS = {
    "size": "size_bytes",
    "memory": "peak_memory_bytes",
    "macs": "macs",
    "parameters": "parameters",
    "latency": "latency_ms",
}
_SECONDS = 0.5  # of timing for each model


def zoo(
    name: Annotated[str | None, typer.Argument(help="Show this model by layer.", show_default=False)] = None,
    fits: Annotated[str | None, typer.Option(help='Only what fits a budget, such as "size<=2MB, macs<=100M".')] = None,
    measure: Annotated[
        str | None, typer.Option(metavar="TARGET", help="Measure the latency on this machine, on this target.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads to measure with.")] = 1,
    everything: Annotated[bool, typer.Option("--all", help="Show every layer of the model NAME.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the model families with parameters, multiply-adds, peak memory and published scores.

    Sizes and memory are those of the FP32 network with random weights; a score is somebody else's, its source
    stands below the table.

    Example: lissom zoo --fits "size<=6MB, macs<=100M"
    """
    from lissom.core.machine import check_threads
    from lissom.zoo import catalog, entry

    check_threads(threads)
    chosen: Sequence[Entry] = catalog() if name is None else (entry(name),)
    limits = {} if fits is None else _limits(fits, measured=measure is not None)
    counted = {measure: value for measure, value in limits.items() if measure != "latency"}
    rows = [row for one in chosen if _within(row := asdict(one), counted)]
    if measure is not None:
        _add_latency(rows, measure, threads)
        rows = [row for row in rows if _within(row, limits)]
    if name is not None and fits is None and measure is None:
        _show_one(name, rows[0], everything, json_output)
    elif json_output:
        print(json.dumps(rows, indent=2))
    else:
        print(table(rows, get_terminal_size().columns if sys.stdout.isatty() else USUAL))
        if name is not None and not rows:
            print(f"{name} does not fit {fits}")


def _show_one(name: str, row: Row, everything: bool, json_output: bool) -> None:
    from lissom.core.progress import Progress
    from lissom.cost import profile, profile_text
    from lissom.zoo import build
    from lissom.zoo.inputs import example_inputs

    with Progress().waiting(f"running {name} once"):
        result = profile(build(name), example_inputs(name))
    if json_output:
        counted = result.to_json()
        print(json.dumps({**row, "layers": counted["layers"], "uncounted": counted["uncounted"]}, indent=2))
        return
    print(f"{name}: {row['family']}, from {row['provider']}")
    if row["published"] is not None:
        print(f"{score(row)}: {row['published']['source']}{doubt(row)}")
    print(profile_text(result, limit=None if everything else 60))
    print(f"next: lissom profile zoo:{name} --random-weights")


def _limits(text: str, *, measured: bool) -> dict[str, float]:
    """The most of each measure that is allowed, in its own unit."""
    from lissom.plan.budget import DEFAULT_DROP, parse_budget

    budget = parse_budget(text)
    if budget.drop is not DEFAULT_DROP:  # the user wrote one
        raise LissomError(
            f"{budget.drop.text!r}: nothing is trained here, so nothing drops", hint=f"limit {', '.join(_COSTS)}"
        )
    limits: dict[str, float] = {}
    for limit in budget.costs:
        if limit.relative:
            raise LissomError(
                f"{limit.text!r} is a percentage of an original, and there is none here",
                hint="write numbers with units, for example size<=2MB",
            )
        if limit.measure == "latency" and not measured:
            raise LissomError(f"{limit.text!r} needs a measurement", hint="add --measure onnxruntime")
        limits[limit.measure] = limit.value
    return limits


def _within(row: Row, limits: dict[str, float]) -> bool:
    for measure, value in limits.items():
        used = row[_COSTS[measure]]
        # Attention is shown apart, and costs the same.
        used = used + row["attention_macs"] if measure == "macs" else used
        if used is None or used > value:
            return False
    return True


def _add_latency(rows: list[Row], target_name: str, threads: int) -> None:
    from lissom.api import find_target
    from lissom.core.progress import Progress

    target = find_target(target_name)
    for row in Progress().track(rows, f"measuring on {target_name}"):
        row |= {"target": target_name, "threads": threads, "latency_ms": None, "latency_interval_ms": None}
        try:
            row |= _latency(row["name"], target, threads)
        except LissomError as error:
            row["not_measured"] = error.message


def _latency(name: str, target: "Target", threads: int) -> dict[str, Any]:
    from lissom.core.statistics import median_interval
    from lissom.core.timing import interleaved
    from lissom.zoo import build
    from lissom.zoo.inputs import example_inputs

    example = example_inputs(name)
    with tempfile.TemporaryDirectory() as folder:
        artefact = target.export(build(name).eval(), example, target.place(Path(folder), "model"))
        runner = target.load(artefact.path, threads=threads)
        arrays = [tensor.numpy() for tensor in example]
        samples = interleaved({name: lambda: runner.run(arrays)}, seconds=_SECONDS)[name]
    median, interval = median_interval(samples)
    return {"latency_ms": median, "latency_interval_ms": list(interval)}
