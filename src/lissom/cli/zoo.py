"""``lissom zoo``: the model families, which of them fit a budget, and one of them by layer."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from lissom.zoo import catalog, entry

    chosen: Sequence[Entry] = catalog() if name is None else (entry(name),)
    limits = {} if fits is None else _limits(fits, measured=measure is not None)
    chosen = [one for one in chosen if _within(_row(one), {k: v for k, v in limits.items() if k != "latency"})]
    rows = [_row(one) for one in chosen]
    if measure is not None:
        _add_latency(rows, measure, threads)
        rows = [row for row in rows if _within(row, limits)]
    if name is not None and fits is None and measure is None:
        _show_one(name, rows[0], everything, json_output)
    elif json_output:
        print(json.dumps(rows, indent=2))
    else:
        print(_table(rows))


def _show_one(name: str, row: dict[str, Any], everything: bool, json_output: bool) -> None:
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
        print(f"{_score(row)}: {row['published']['source']}{_doubt(row)}")
    print(profile_text(result, limit=None if everything else 60))
    print(f"next: lissom profile zoo:{name} --help")


def _limits(text: str, *, measured: bool) -> dict[str, float]:
    from lissom.plan.budget import parse_budget

    limits = {}
    for limit in parse_budget(text).limits:
        if limit.measure == "drop":
            if "drop" in text:
                raise LissomError(
                    f"{limit.text!r}: nothing is trained here, so nothing drops", hint=f"limit {', '.join(_COSTS)}"
                )
            continue
        if limit.relative:
            raise LissomError(
                f"{limit.text!r} is a percentage of an original, and there is none here",
                hint="write numbers with units, for example size<=2MB",
            )
        if limit.measure == "latency" and not measured:
            raise LissomError(f"{limit.text!r} needs a measurement", hint="add --measure onnxruntime")
        limits[limit.measure] = limit.value
    return limits


def _within(row: dict[str, Any], limits: dict[str, float]) -> bool:
    for measure, value in limits.items():
        used = row[_COSTS[measure]]
        # Attention is shown apart and costs the same.
        used = used + row["attention_macs"] if measure == "macs" else used
        if used is None or used > value:
            return False
    return True


def _row(one: "Entry") -> dict[str, Any]:
    return asdict(one)


def _add_latency(rows: list[dict[str, Any]], target_name: str, threads: int) -> None:
    from lissom.core.progress import Progress
    from lissom.targets import TARGETS

    target: Target = TARGETS.get(target_name)()
    missing = target.missing()
    if missing:
        raise LissomError(f"the target {target_name} cannot be used here: {missing}")
    progress = Progress()
    for row in progress.track(rows, f"measuring on {target_name}"):
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


def _table(rows: Sequence[dict[str, Any]]) -> str:
    from lissom.core.units import format_bytes, format_ms

    if not rows:
        return "nothing in the zoo fits\nhint: a larger model made smaller may: lissom compress --help"
    sources = list(dict.fromkeys(row["published"]["source"] for row in rows if row["published"]))
    measured = "latency_ms" in rows[0]
    header = ["model", "from", "input", "parameters", "MACs, M", "attention, M", "peak", "size"]
    table = [[*header, *(["latency"] if measured else []), "published score", "source"]]
    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            table.append([family])
        score, source = _score(row), ""
        if row["published"]:
            source = f"[{sources.index(row['published']['source']) + 1}]{_doubt(row)}"
        latency = format_ms(row["latency_ms"]) if measured and row["latency_ms"] is not None else "failed"
        table.append(
            [
                f"  {row['name']}",
                row["provider"],
                _input(row["input"]),
                f"{row['parameters']:,}",
                f"{row['macs'] / 1e6:,.2f}",
                f"{row['attention_macs'] / 1e6:,.2f}" if row["attention_macs"] else "",
                format_bytes(row["peak_memory_bytes"]),
                format_bytes(row["size_bytes"]),
                *([latency] if measured else []),
                score,
                source,
            ]
        )
    lines = _aligned(table)
    lines += ["", f"{len(rows)} models" + (". Sources of scores (? not looked up there):" if sources else "")]
    lines += [f"  [{number}] {source}" for number, source in enumerate(sources, 1)]
    lines += [f"  {row['name']} not measured: {row['not_measured']}" for row in rows if "not_measured" in row]
    return "\n".join([*lines, "next: lissom zoo NAME shows one by layer"])


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    full = [row for row in table if len(row) > 1]
    widths = [max(len(row[column]) for row in full) for column in range(len(full[0]))]
    words = {0, 1, 2, len(widths) - 1, len(widths) - 2}
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if column in words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(cells).rstrip())
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _score(row: dict[str, Any]) -> str:
    published = row["published"]
    if published is None or published["score"] is None:
        return ""
    return f"{published['score']:g} {published['measure']}"


def _doubt(row: dict[str, Any]) -> str:
    return "" if row["published"]["checked"] else " ?"


def _input(shape: Sequence[int]) -> str:
    return f"{shape[-1]} tokens" if len(shape) == 2 else f"{shape[-2]}x{shape[-1]}"
