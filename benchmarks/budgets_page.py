"""The table of results/budgets.json for docs/results.md."""

import json
from pathlib import Path
from typing import Any

from rewrites_page import NAMES

RESULTS = Path(__file__).parent / "results" / "budgets.json"


def section() -> list[str]:
    """The section, or nothing where nothing was measured."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    done = {name: found["runs"] for name, found in known.items() if found.get("runs")}
    if not done:
        return []
    met = sum(row["met"] for runs in done.values() for row in runs.values())
    count = sum(map(len, done.values()))
    machines = dict.fromkeys(row["machine"] for runs in done.values() for row in runs.values())
    lines = [
        "",
        "## Budgets drawn from a front that was measured without the search",
        "",
        "Every layer cut to the same share, repaired and distilled for an epoch, gives points that can surely be had",
        f"(`benchmarks/budgets.py`). Of {count} budgets drawn from them, **{met}** were met in the final measurement,",
        f"each within at most ten minutes on one thread of {' and '.join(machines)}.",
    ]
    for name, runs in done.items():
        lines += [
            "",
            f"{NAMES[name][0].upper()}{NAMES[name][1:]}:",
            "",
            "| budget | met | took | used of each limit |",
            "|---|---|---|---|",
        ]
        for budget, row in runs.items():
            used = ", ".join(f"{check['limit']} {check['used_text']}" for check in row["limits"])
            lines.append(f"| {budget} | {'yes' if row['met'] else 'no'} | {row['seconds']:.0f} s | {used} |")
        lines += _far(known[name].get("far", {}))
    return lines


def _far(found: dict[str, Any]) -> list[str]:
    """What was said of budgets that nothing meets."""
    if not found:
        return []
    rows = [f"| {budget} | {row['seconds']:.0f} s | {row['said'] or 'nothing'} |" for budget, row in found.items()]
    return ["", "Out of reach (asked: said within a minute):", "", "| budget | after | said |", "|---|---|---|", *rows]
