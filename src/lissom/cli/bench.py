"""``lissom bench``: bundles verified and measured side by side on the machine that this runs on."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def bench(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles of runs.", show_default=False)],
    verify: Annotated[bool, typer.Option("--verify", help="Check hashes and test vectors.")] = False,
    threads: Annotated[str, typer.Option(help="Thread counts, such as 1,2.")] = "1",
    seconds: Annotated[float, typer.Option(help="How long to measure for each thread count.")] = 4.0,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure bundles in turn in one process: median, 95 % interval and 95th percentile of the latency.

    Example: lissom bench runs/demo/bundle --verify
    """
    from lissom.core.errors import LissomError
    from lissom.engine.benching import check_bundles, measure_bundles

    try:
        counts = [int(part) for part in threads.split(",")]
    except ValueError as error:
        raise LissomError(f"--threads {threads!r} is not numbers", hint="write --threads 1,2") from error
    if min(counts) < 1:
        raise LissomError(f"--threads {threads!r}: a runtime needs at least 1", hint="write --threads 1,2")
    problems = check_bundles(bundles) if verify else {}
    # what was altered is not worth measuring, and may not load at all
    rows = [] if any(problems.values()) else measure_bundles(bundles, counts, seconds)
    if json_output:
        print(json.dumps({"problems": problems, "measured": rows}, indent=2))
    else:
        _print(rows, problems, verify)
    if any(problems.values()):
        raise typer.Exit(2)


def _print(rows: list[dict[str, Any]], problems: dict[str, list[str]], verify: bool) -> None:
    for name, found in problems.items():
        for problem in found:
            print(f"{name}: {problem}")
    if verify and not any(problems.values()):
        print("verified: hashes and test vectors are as recorded")
    if not rows:
        return
    print(f"{'bundle':<36} {'threads':>7} {'size':>10} {'median':>10} {'95 % interval':>20} {'p95':>10}")
    for row in rows:
        low, high = row["latency_interval_ms"]
        print(
            f"{row['bundle'][-36:]:<36} {row['threads']:>7} {row['size_bytes'] / 1e6:>7.2f} MB "
            f"{row['latency_ms']:>7.3f} ms {f'{low:.3f} to {high:.3f}':>20} {row['latency_p95_ms']:>7.3f} ms"
        )
