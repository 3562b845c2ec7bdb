"""``lissom bench``: bundles verified and measured side by side on the machine that this runs on."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lissom.core.units import format_bytes

if TYPE_CHECKING:
    from lissom.targets.parity import Parity


def bench(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles of runs.", show_default=False)],
    verify: Annotated[bool, typer.Option("--verify", help="Check hashes, test vectors and parity.")] = False,
    threads: Annotated[str, typer.Option(help="Thread counts, such as 1,2.")] = "1",
    seconds: Annotated[float, typer.Option(help="How long to measure for each thread count.")] = 4.0,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure bundles in turn in one process: median, 95 % interval and 95th percentile of the latency.

    "first" is the time from nothing loaded to the first answer, in a process of its own, as is the memory.

    Example: lissom bench runs/demo/bundle --verify
    """
    from lissom.core.errors import LissomError
    from lissom.core.machine import check_threads
    from lissom.engine.benching import check_bundles, measure_bundles

    try:
        counts = list(dict.fromkeys(int(part) for part in threads.split(",")))
    except ValueError as error:
        raise LissomError(f"--threads {threads!r} is not numbers", hint="write --threads 1,2") from error
    for count in counts:
        check_threads(count)
    if not 0 < seconds < math.inf:
        raise LissomError(f"--seconds {seconds:g}: nothing can be timed in that", hint="write --seconds 4")
    problems, parity = check_bundles(bundles) if verify else ({}, {})
    # what was altered is not worth measuring, and may not load at all
    rows = [] if any(problems.values()) else measure_bundles(bundles, counts, seconds)
    if json_output:
        found = {name: asdict(item) for name, item in parity.items()}
        print(json.dumps({"problems": problems, "parity": found, "measured": rows}, indent=2))
    else:
        _print_checks(problems, parity)
        _print_rows(rows)
    if any(problems.values()):
        raise typer.Exit(2)


def _print_checks(problems: dict[str, list[str]], parity: "dict[str, Parity]") -> None:
    for name, found in problems.items():
        for problem in found:
            print(f"{name}: {problem}")
        if not found:
            item = parity[name]
            share = f"agrees with its PyTorch model on {item.agreement:.0%}, differs by {item.distance:.1e}"
            print(f"{name}: hashes and test vectors are as recorded; {share}")


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    head = f"{'bundle':<32} {'target':<12} {'format':<6} {'threads':>7} {'size':>10} {'memory':>10} {'first':>9}"
    print(f"{head} {'median':>11} {'95 % interval':>18} {'p95':>11}")
    for row in rows:
        low, high = row["latency_interval_ms"]
        print(
            f"{row['bundle'][-32:]:<32} {row['target']:<12} {row['precision']:<6} {row['threads']:>7} "
            f"{format_bytes(row['size_bytes']):>10} {format_bytes(row['peak_memory_bytes']):>10} "
            f"{row['first_answer_ms']:>6.0f} ms"
            f"{row['latency_ms']:>9.3f} ms {f'{low:.3f} to {high:.3f}':>18} {row['latency_p95_ms']:>8.3f} ms"
        )
