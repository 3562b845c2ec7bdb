"""The table of results/budgets.json for docs/results.md."""

import json
import statistics
from pathlib import Path
from typing import Any

from rewrites_page import NAMES

RESULTS = Path(__file__).parent / "results" / "budgets.json"


def section() -> list[str]:
    """The section, or nothing where nothing was measured."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not known:
        return []
    lines = ["", "## Budgets that can be met, and budgets that cannot", *_summary(known)]
    for name, found in known.items():
        lines += ["", f"{NAMES[name][0].upper()}{NAMES[name][1:]}:", *_runs(found.get("runs", {}))]
        lines += _far(found.get("far", {}))
    return lines


def _summary(known: dict[str, Any]) -> list[str]:
    """How many of the budgets that can be had were met."""
    rows = [row for found in known.values() for row in found.get("runs", {}).values()]
    if not rows:
        return ["", "Budgets drawn from a front that was measured without the search: not measured yet."]
    met, count = sum(row["met"] for row in rows), len(rows)
    machines = " and ".join(dict.fromkeys(row["machine"] for row in rows))
    limits = " or ".join(f"{row / 60:g}" for row in sorted({row["limit_s"] for row in rows}))
    return [
        "",
        "Every layer cut to the same share, repaired and distilled for an epoch, gives points that can surely be had",
        f"(`benchmarks/budgets.py`). Of {count} budgets drawn from them, **{met}** were met in the final measurement,",
        f"each with a time limit of {limits} minutes on one thread of {machines}.",
        *_errors([told for row in rows for told in row.get("latencies", [])]),
    ]


def _errors(told: list[list[float]]) -> list[str]:
    """How far the latencies that were told before the trials are from those that were measured."""
    if not told:
        return []
    errors = sorted(abs(expected / measured - 1) for expected, measured in told)
    middle = f"{statistics.median(errors):.1%} at the median, {errors[-1]:.1%} at most"
    return [f"Latency as it was told before {len(told)} of the trials was off by {middle} (asked: 10 % at the median)."]


def _runs(runs: dict[str, Any]) -> list[str]:
    if not runs:
        return []
    lines = ["", "| budget | met | took | used of each limit |", "|---|---|---|---|"]
    for budget, row in runs.items():
        used = ", ".join(f"{check['limit']} {check['used_text']}" for check in row["limits"])
        lines.append(f"| {budget} | {'yes' if row['met'] else 'no'} | {row['seconds']:.0f} s | {used} |")
    return lines


def _far(found: dict[str, Any]) -> list[str]:
    """What was said of budgets that nothing meets."""
    if not found:
        return []
    rows = [f"| {budget} | {row['seconds']:.0f} s | {_first(row['said'])} |" for budget, row in found.items()]
    machine = " and ".join(dict.fromkeys(row["machine"] for row in found.values()))
    asked = f"Out of reach, on one thread of {machine} (asked: said within a minute; `benchmarks/budgets.py far`):"
    return ["", asked, "", "| budget | after | said |", "|---|---|---|", *rows]


def _first(said: str) -> str:
    """The first line of what was said."""
    return said.partition("\n")[0] or "nothing"
