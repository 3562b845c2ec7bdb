"""The section on distillation of texts in docs/results.md, from what benchmarks/distillation.py measured."""

import json
import statistics
from pathlib import Path
from typing import Any

from lissom.core.units import format_ms

RESULT = Path(__file__).parent / "results" / "distillation.json"
SEEDS = 3
ARMS = {
    "labels": "labels alone, no teacher",
    "logits": "the teacher's answers alone",
    "labels and logits": "labels and the teacher's answers",
    "dist": "DIST",
    "standardised": "standardised answers",
    "logits+": "the teacher's answers, also to texts without labels",
}


def section() -> list[str]:
    """Lines of the page."""
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    lines = ["", "## Distillation of texts", ""]
    for name, data in found["data"].items():
        lines += [*_scores(name, data), *_latencies(data), *_throughput(data)]
    machine = found["machine"]
    return [*lines, f"Measured on {machine['processor']} ({machine['cores']} cores).", ""]


def _scores(name: str, data: dict[str, Any]) -> list[str]:
    sizes, teacher = data["examples"], data["teacher"]
    rows = [("teacher", "fine-tuned on the labels", [teacher], teacher["parameters_outside_embeddings"])]
    rows.append(("bag of words, linear", "labels", [data["bag of words"]], None))
    keys = dict.fromkeys((row["student"], row["arm"]) for row in data["runs"])
    for student, arm in keys:
        mine = [row for row in data["runs"] if (row["student"], row["arm"]) == (student, arm)]
        rows.append((student, ARMS[arm], mine, mine[0]["parameters_outside_embeddings"]))
    return [
        f"`{name}`: {sizes['train']:,} texts to learn from, {sizes['select']:,} to choose by,",
        f"{sizes['test']:,} to test with. Scores are of FP32; the INT8 versions were timed, not scored.",
        "Students are parts of the pretrained encoder from before it was fine-tuned; all arms of a student start from",
        "the same weights and take as many steps. Accuracy in percent, mean over seeds, with the standard deviation.",
        "",
        "| model | learnt from | seeds | select | test | parameters outside embeddings |",
        "|---|---|---|---|---|---|",
        *(
            f"| {model} | {how} | {len(runs)} | {_mean(runs, 'select')} | {_mean(runs, 'test')} "
            f"| {'' if count is None else f'{count:,}'} |"
            for model, how, runs, count in rows
        ),
        "",
        *_few(data["runs"]),
    ]


def _few(runs: list[dict[str, Any]]) -> list[str]:
    """What is to be said where an arm was run with few seeds."""
    keys = [(row["student"], row["arm"]) for row in runs]
    least = min((keys.count(key) for key in keys), default=SEEDS)
    if least >= SEEDS:
        return []
    return [f"Some arms were run with {least} of {SEEDS} seeds so far: differences of a point may be chance.", ""]


def _mean(runs: list[dict[str, Any]], part: str) -> str:
    values = [run[part] for run in runs]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def _latencies(data: dict[str, Any]) -> list[str]:
    if "latency_ms" not in data:
        return []
    slowest = data["latency_ms"]["teacher FP32"]["median"]
    return [
        "Latency of one text of 64 tokens, ONNX Runtime, one thread, median, timed in turn:",
        "",
        "| model | latency | times as fast as the teacher in FP32 |",
        "|---|---|---|",
        *(
            f"| {name} | {format_ms(item['median'])} | {slowest / item['median']:.1f} |"
            for name, item in data["latency_ms"].items()
        ),
        "",
    ]


def _throughput(data: dict[str, Any]) -> list[str]:
    if "texts_a_second" not in data:
        return []
    kept, live = (data["texts_a_second"][name] for name in ("kept", "live"))
    return [
        f"Learning from kept answers: {kept['median']:.0f} texts a second; teacher beside: {live['median']:.0f};",
        f"{kept['median'] / live['median']:.2f} times as many ({kept['n']} timings of each, in turn, one thread).",
        "",
    ]
