"""The table of results/rewrites.json for docs/results.md."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "rewrites.json"
NAMES = {"sample": "the sample network on Fashion-MNIST", "resnet20": "ResNet-20 on CIFAR-10"}


def section() -> list[str]:
    """The section, or nothing where nothing was measured."""
    if not RESULTS.exists():
        return []
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = [
        "",
        "## Layers rewritten: separable, low rank, left out",
        "",
        "One rewrite each of a trained network (`benchmarks/rewrites.py`): what stays of the parameters and of the",
        "multiply-adds, the score at once and after three epochs of distillation, and the latency in parts of the",
        "original's in the same precision (95 %; ONNX Runtime, one thread, batch 1, timed in turn). What costs time on",
        "the target is undone by `lissom compress`: fewer multiply-adds are not always faster.",
    ]
    for name, rows in known.items():
        if any("step" in row for row in rows.values()):
            lines += ["", f"{NAMES[name][0].upper()}{NAMES[name][1:]}, {rows['original']['score']:.2f} %:", ""]
            lines += _table(rows)
    return lines


def _table(rows: dict[str, Any]) -> list[str]:
    lines = [
        "| rewrite | layers | parameters | multiply-adds | at once | distilled | latency FP32 | latency INT8 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for what, row in rows.items():
        if "none" in row:
            lines.append(f"| {what} | {row['none']} | | | | | | |")
        elif "step" in row:
            lines.append(
                f"| {what} | {row['step']} | {row['parameters']:.1%} | {row['macs']:.1%} | {row['at once']:.2f} "
                f"| {row['distilled']:.2f} | {_share(row, 'fp32')} | {_share(row, 'int8')} |"
            )
    return lines


def _share(row: dict[str, Any], precision: str) -> str:
    if (found := row.get(f"latency {precision}")) is None:
        return "not measured"
    middle, (low, high) = found
    return f"{middle:.0%} ({low:.0%} to {high:.0%})"
