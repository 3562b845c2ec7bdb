"""The table of results/depth.json for docs/results.md."""

import json
from pathlib import Path
from typing import Any

from pruning_page import NAMES

RESULTS = Path(__file__).parent / "results" / "depth.json"
WAYS = ("by the answers without it", "by the answers after the repair")


def section() -> list[str]:
    """The section, or nothing where nothing was measured."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not known:
        return []
    lines = [
        "",
        "## Blocks left out, and the repair after it",
        "",
        "Points lost on the test split without residual blocks, as the network is then, and after what reads otherwise",
        "was solved anew (`benchmarks/depth.py`); nothing is trained. Blocks are chosen one after the other.",
    ]
    for name, found in known.items():
        lines += ["", f"{NAMES[name]}, one block:", "", "| left out | alone | repaired |", "|---|---|---|"]
        lines += [f"| {block} | {row['alone']:.2f} | {row['repaired']:.2f} |" for block, row in found["blocks"].items()]
        lines += ["", f"{NAMES[name]}, several:", "", "| chosen | left out | alone | repaired |", "|---|---|---|---|"]
        lines += [
            f"| {way} | {', '.join(row['layers'])} | {row['alone']:.2f} | {row['repaired']:.2f} |"
            for way in WAYS
            for row in found.get(way, {}).values()
        ]
    return lines
