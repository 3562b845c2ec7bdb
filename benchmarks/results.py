"""Write docs/results.md, and the table on the first screen of the README, from what was measured.

python benchmarks/results.py
"""

import json
from pathlib import Path
from typing import Any

import budgets_page
import codec_page
import depth_page
import distillation_page
import keywords_page
import pruning_page
import recognition_page
import rewrites_page
import translation_page
import video_page

from lissom.core.files import write_text
from lissom.core.units import format_bytes, format_ms, format_seconds

RESULTS = Path(__file__).parent / "results"
DOCUMENT = Path(__file__).parent.parent / "docs" / "results.md"
BEGIN, END = "<!-- demo: written by benchmarks/results.py -->", "<!-- /demo -->"


def figures_table(verdict: dict[str, Any]) -> list[str]:
    """Original and result side by side."""
    before, after = verdict["original"], verdict["final"]
    rows = [
        ("score, %", f"{before['score']:.2f}", f"{after['score']:.2f}", f"{-verdict['drop']:+.2f} points"),
        (
            "latency, median",
            format_ms(before["latency_ms"]),
            format_ms(after["latency_ms"]),
            f"{verdict['latency_ratio']:.1%}",
        ),
    ]
    for name, label, written in (
        ("size_bytes", "size of the artefact", format_bytes),
        ("peak_memory_bytes", "peak memory", format_bytes),
        ("parameters", "parameters", lambda value: f"{value:,}"),
        ("macs", "multiply-adds", lambda value: f"{value:,}"),
    ):
        rows.append((label, written(before[name]), written(after[name]), f"{after[name] / before[name]:.1%}"))
    lines = ["| | original, FP32 | result | |", "|---|---|---|---|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def demo() -> list[str]:
    """The section of the demo."""
    found = json.loads((RESULTS / "demo.json").read_text(encoding="utf-8"))
    verdict, machine = found["verdict"], found["machine"]
    low, high = verdict["drop_interval"]
    fast, slow = verdict["latency_ratio_interval"]
    settings = found["settings"]
    outcome = "met" if verdict["met"] else "missed"
    widths = ", ".join(f"{item['before']} to {item['after']}" for item in verdict["widths"])
    lines = [
        "## The sample network on Fashion-MNIST (`make demo`)",
        "",
        f"Budget `{settings['budget']}`, ONNX Runtime, {settings['threads']} thread, batch 1:",
        f"**{outcome}** in {format_seconds(found['seconds'])}.",
        "",
        *figures_table(verdict),
        "",
        f"The drop is on {verdict['final']['examples']:,} test pictures that nothing was chosen by, 95 % paired",
        f"bootstrap {low:.2f} to {high:.2f} points; the share of latency is {fast:.1%} to {slow:.1%}, timed in",
        "turn in one process.",
        "",
        f"Widths: {widths}.",
        "",
    ]
    if not found["from_scratch"]:
        return [
            *lines,
            "The same architecture from scratch for the same time: not measured yet.",
            "",
            _measured_on(machine),
        ]
    lines += [
        "**The least that it has to beat**: the same final architecture, trained from scratch on the labels for",
        "as long as the whole run took, in FP32:",
        "",
        "| seed | epochs | time | score, % (95 %) |",
        "|---|---|---|---|",
    ]
    for row in found["from_scratch"]:
        low, high = row["interval"]
        lines.append(
            f"| {row['seed']} | {row['epochs']} | {format_seconds(row['seconds'])} "
            f"| {row['score']:.2f} ({low:.2f} to {high:.2f}) |"
        )
    return [*lines, "", _beside(verdict, found["from_scratch"]), "", _measured_on(machine)]


def _beside(verdict: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """What the comparison says."""
    mean = sum(row["score"] for row in rows) / len(rows)
    ahead = verdict["final"]["score"] - mean
    low, high = verdict["final"]["score_interval"]
    sure = "more" if not low <= mean <= high else "no more"
    word = "ahead" if ahead > 0 else "behind: this is **not beaten**"
    return f"The result, in INT8, is {abs(ahead):.2f} points {word}; that is {sure} than its own interval."


def case(name: str, title: str, examples: str) -> list[str]:
    """The section of a real case, or nothing where it was not run."""
    path = RESULTS / f"{name}.json"
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    lines = ["", f"## {title}", ""]
    for run in found["runs"]:
        verdict = run["verdict"]
        low, high = verdict["drop_interval"]
        met = "met" if verdict["met"] else "missed"
        lines += [
            f"Budget `{run['budget']}`: **{met}** in {format_seconds(run['seconds'])}.",
            "",
            *figures_table(verdict),
            "",
            (
                f"Drop: {verdict['drop']:.2f} points, 95 % paired bootstrap {low:.2f} to {high:.2f}, on "
                f"{verdict['final']['examples']:,} test {examples}."
            ),
            "",
            "| move | size | latency | score on select | decision |",
            "|---|---|---|---|---|",
            *(
                f"| {step['move']} | {format_bytes(step['size_bytes'])} | {format_ms(step['latency_ms'])} "
                f"| {step['score']:.2f} | {step['decision']} |"
                for step in run["steps"]
            ),
            "",
        ]
    return [*lines, _measured_on(found["machine"])]


def _measured_on(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    features = " ".join(machine["instructions"])
    return f"Measured on {machine['processor']} ({machine['cores']} cores, {features}); {versions}."


def write_first_screen() -> None:
    """Put the table that the demo printed between the marks in the READMEs."""
    shown = json.loads((RESULTS / "demo.json").read_text(encoding="utf-8"))["table"]
    lines = [line for line in shown.splitlines() if not line.startswith(("note:", "page:"))]
    for name in ("README.md", "README.zh.md"):
        path = DOCUMENT.parent.parent / name
        before, rest = path.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        block = "\n".join(["", "```text", *lines, "```", ""])
        write_text(path, f"{before}{BEGIN}{block}{END}{after}")


def main() -> None:
    """Write the documents."""
    write_first_screen()
    lines = [
        "# Results",
        "",
        "Written by `benchmarks/results.py` from what the other scripts of that folder measured.",
        "",
        *demo(),
        *case("cifar10", "EfficientNet-Lite0 of timm on CIFAR-10", "pictures"),
        *case("three_limits", "ResNet-20 on CIFAR-10 under three limits", "pictures"),
        *case("demo_text", "A BERT on film reviews (`make demo-text`)", "texts"),
        *pruning_page.section(),
        *depth_page.section(),
        *rewrites_page.section(),
        *budgets_page.section(),
        *distillation_page.section(),
        *keywords_page.section(),
        *recognition_page.section(),
        *translation_page.section(),
        *video_page.section(),
        *codec_page.section(),
    ]
    write_text(DOCUMENT, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
