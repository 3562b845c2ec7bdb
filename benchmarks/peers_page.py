"""Write docs/peers.md from benchmarks/results/peers.json.

python benchmarks/peers_page.py
"""

import json
import math
from pathlib import Path
from typing import Any

from lissom.core.files import write_text
from lissom.core.units import format_bytes

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
NAMES = {
    "sample": "the sample network on Fashion-MNIST",
    "resnet20": "ResNet-20 on CIFAR-10",
    "mobilenet_v2": "MobileNetV2 (half width, 32 px) on CIFAR-10",
}
OURS, MOST, EQUAL = "lissom", 1.0, 1.02
ASKED = 1.3  # times as fast as the best of the others, in geometric mean, on three subjects
INTRODUCTION = """# Peers

Written by `benchmarks/peers_page.py` from `benchmarks/peers.py`. The same trained model, data and runtime for all: ONNX
Runtime, one thread, batch 1, on {processor}; the same number of smaller networks and the same
time in all for lissom and for Torch-Pruning, which is followed by a fine-tune on the labels and ONNX Runtime's INT8.
lissom's front has six cuts, and up to four networks with blocks left out where there are residual blocks; Torch-Pruning
has as many cuts in their place. The front also has the whole network in INT8, and a cut with its repair alone where the
recovery cost score. NNCF and ONNX Runtime quantize the model as it is; neither prunes. Olive's static INT8 is that of
ONNX Runtime, so it has no row.

Every pipeline makes candidates; each takes the fastest of its own that loses at most {most:g} point on the select
split, or the best where none does. The test split was opened for what was taken. Latency is in parts of the
original's (95 %), timed in turn with it. Lines are those of `benchmarks/peers_pipelines.py` without the training
loop, which only a user of Torch-Pruning writes too.

The ResNet-20 has learnt from all training pictures; so here half of the test pictures are what it is chosen by, and the
other half is the test split. Those that are carved off the training pictures would flatter it against whatever learns
anything."""


def chosen(rows: dict[str, Any], pipeline: str, most: float) -> str:
    """The fastest candidate of a pipeline within the drop on the select split, else the best one."""
    own = {key: row for key, row in rows.items() if key.startswith(f"{pipeline}/")}
    least = rows["original.onnx"]["select"] - most
    within = [key for key, row in own.items() if row["select"] >= least]
    return min(within, key=lambda key: own[key]["latency"]) if within else max(own, key=lambda key: own[key]["select"])


def at_latency(rows: dict[str, Any], pipeline: str, latency: float) -> str | None:
    """The best candidate on the select split that is as fast; ``None`` where there is none."""
    fast = [k for k, row in rows.items() if k.startswith(f"{pipeline}/") and row["latency"] <= EQUAL * latency]
    return max(fast, key=lambda key: rows[key]["select"], default=None)


def page(results: dict[str, Any]) -> str:
    """The document."""
    lines = [INTRODUCTION.format(processor=results["machine"]["processor"], most=MOST)]
    gains: list[float] = []
    for name, found in results["subjects"].items():
        section, gain = _subject(name, found)
        lines += section
        gains.append(gain)
    geometric = math.exp(sum(math.log(gain) for gain in gains) / len(gains))
    missing = [label for name, label in NAMES.items() if name not in results["subjects"]]
    reached = f"reached{' on these' * bool(missing)}" if geometric >= ASKED else "**not reached**"
    gain = f"The latency of the best of the others is {geometric:.2f} times lissom's in geometric mean of {len(gains)}"
    lines += ["", f"{gain} subjects", f"(asked: {ASKED:g} of {len(NAMES)}, and none below 1): {reached}."]
    if missing:
        lines += ["", f"Not measured yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _subject(name: str, found: dict[str, Any]) -> tuple[list[str], float]:
    rows, original = found["rows"], found["rows"]["original.onnx"]
    lines = [
        "",
        f"## {NAMES[name][0].upper()}{NAMES[name][1:]}",
        "",
        f"The original scores {original['test']:.2f} % on the test split, in {original['latency_ms']:.3f} ms:",
        "",
        "| pipeline | lines | took | candidates | test | drop | latency | size |",
        "|---|---|---|---|---|---|---|---|",
    ]
    taken = {pipeline: chosen(rows, pipeline, MOST) for pipeline in found["took"]}
    for pipeline, key in taken.items():
        row, took = rows[key], found["took"][pipeline]
        low, high = row["latency_interval"]
        lines.append(
            f"| {pipeline} | {took['lines']} | {took['wall_s']:.0f} s "
            f"| {sum(k.startswith(f'{pipeline}/') for k in rows)} | {row['test']:.2f} % "
            f"| {original['test'] - row['test']:.2f} | {row['latency']:.1%} ({low:.1%} to {high:.1%}) "
            f"| {format_bytes(row['size_bytes'])} |"
        )
    within = [key for pipeline, key in taken.items() if pipeline != OURS and _holds(rows, key)]
    best = min(within or ["original.onnx"], key=lambda key: rows[key]["latency"])
    lines += ["", _verdict(rows, taken[OURS], best)]
    for pipeline in taken:
        if pipeline != OURS:
            lines.append(_equal(rows, pipeline, rows[taken[OURS]]))
    ours = rows[taken[OURS]]["latency"] if _holds(rows, taken[OURS]) else rows["original.onnx"]["latency"]
    return lines, rows[best]["latency"] / ours


def _verdict(rows: dict[str, Any], ours: str, best: str) -> str:
    """Ours beside the fastest of the others, of what keeps within the drop."""
    other, latency = best.split("/")[0], rows[best]["latency"]
    if not _holds(rows, ours):
        return (
            f"At most {MOST:g} point lost on the select split: **lissom has none**, and counts as the original below; "
            f"{other} has one at {latency:.1%} of the latency. What lissom took is its best."
        )
    return f"At most {MOST:g} point lost: lissom is **{latency / rows[ours]['latency']:.2f} times** as fast as {other}."


def _holds(rows: dict[str, Any], key: str) -> bool:
    return rows[key]["select"] >= rows["original.onnx"]["select"] - MOST


def _equal(rows: dict[str, Any], pipeline: str, ours: dict[str, Any]) -> str:
    key = at_latency(rows, pipeline, ours["latency"])
    if key is None:
        return f"- {pipeline} has nothing as fast as that."
    theirs = rows[key]["test"]
    return f"- {pipeline} at that latency: {theirs:.2f} %; lissom is {ours['test'] - theirs:+.2f} points."


if __name__ == "__main__":
    write_text(ROOT / "docs" / "peers.md", page(json.loads(RESULTS.read_text(encoding="utf-8"))))
