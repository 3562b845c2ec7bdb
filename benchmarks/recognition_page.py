"""The section on recognition of docs/results.md, from what benchmarks/recognition.py measured."""

import json
from pathlib import Path
from typing import Any

from lissom.core.units import format_bytes, format_ms

RESULTS = Path(__file__).parent / "results" / "recognition.json"
SIZE, FASTER, WORSE = 0.40, 1.8, 1.5  # what was asked for


def section() -> list[str]:
    """The lines; none where nothing was measured yet."""
    if not RESULTS.exists():
        return []
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    machine, clips, same = found["machine"], found["clips"], found["equal_to_transformers"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    columns = ("pair", "size", "word error rate, % (95 %)", "of long clips", "a clip", "times as fast (5 to 95 %)")
    return [
        "",
        "## Speech recognition: Whisper tiny.en",
        "",
        f"{clips['answered']} transcribed clips of one professional speaker (Debian's Asterisk sounds, 16 kHz),",
        f"{clips['of the test half']} of them of the half that nothing was learnt from or chosen by. Encoder and",
        "decoder are ONNX files; features, loop and tokens need no PyTorch. Greedy, one clip at a time, one thread,",
        "all pairs in turn; times are those of the processor, medians over clips. *Long* are clips of six words and",
        "more: most have one to three.",
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
        *(_line(name, pair, found["pairs"]["fp32"]) for name, pair in found["pairs"].items()),
        "",
        *_verdicts(found),
        "",
        f"The loop against `generate()` of transformers, token by token, on {same['greedy']['inputs']} clips: greedy",
        f"{same['greedy']['equal']} equal, by four beams {same['beams']['equal']}.",
        "",
        "By `benchmarks/recognition.py`, which says how the runs were made.",
        f"Measured on {machine['processor']} ({machine['cores']} cores, {' '.join(machine['instructions'])});",
        f"{versions}.",
    ]


def _line(name: str, pair: dict[str, Any], whole: dict[str, Any]) -> str:
    rate, longer = pair["word_error_rate"], pair["word_error_rate_of_6_words_and_more"]
    low, high = rate["interval"]
    slow, fast = pair["times_as_fast_5_to_95"]
    cells = (
        name,
        f"{format_bytes(pair['size_bytes'])} ({pair['size_bytes'] / whole['size_bytes']:.1%})",
        f"{rate['percent']:.2f} ({low:.2f} to {high:.2f})",
        f"{longer['percent']:.2f}",
        format_ms(pair["ms"]),
        f"{pair['times_as_fast_as_fp32']:.2f} ({slow:.2f} to {fast:.2f})",
    )
    return f"| {' | '.join(cells)} |"


def _verdicts(found: dict[str, Any]) -> list[str]:
    """What was asked for, and which pairs reach all of it."""
    whole = found["pairs"]["fp32"]
    reached = [
        name
        for name, pair in found["pairs"].items()
        if pair["size_bytes"] <= SIZE * whole["size_bytes"]
        and pair["times_as_fast_as_fp32"] >= FASTER
        and pair["word_error_rate"]["percent"] - whole["word_error_rate"]["percent"] <= WORSE
    ]
    told = f"reached by {', '.join(reached)}" if reached else "**not reached**"
    asked = f"- Asked: at most {SIZE:.0%} of the size, {FASTER:g} times as fast, {WORSE:g} points more errors: {told}."
    return [asked, *(f"- {name}: {_run(run)}" for name, run in found["runs"].items())]


def _run(run: dict[str, Any]) -> str:
    before, after = run["parameters"]
    low, high = run["drop_interval"]
    size = f"{run['size_bytes'][1] / run['size_bytes'][0]:.1%} of the size, " if "size_bytes" in run else ""
    what = f"{run['what']}; " if "what" in run else ""
    return (
        f"{what}{after:,} of {before:,} parameters; by the run's own verdict {size}"
        f"{run['latency_ratio']:.1%} of the latency, "
        f"{run['drop']:+.2f} points of word errors ({low:.2f} to {high:.2f}), budget "
        f"{'met' if run['met'] else 'missed'}."
    )
