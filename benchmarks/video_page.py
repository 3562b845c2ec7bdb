"""The section on videos of docs/results.md, from what benchmarks/video.py measured."""

import json
from pathlib import Path
from typing import Any

from lissom.core.units import format_bytes, format_ms, format_seconds

RESULTS = Path(__file__).parent / "results" / "video.json"


def section() -> list[str]:
    """The lines; none where nothing was measured yet."""
    if not RESULTS.exists():
        return []
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["", "## How the camera moves, told from clips (`make demo-video`)", ""]
    if "score" in found:
        lines += [*_learnt(found["score"], found.get("unseen")), "", *_demo(found["score"])]
    if "time" in found:
        lines += ["", *_times(found["time"])]
    if "loader" in found:
        lines += ["", *_loader(found["loader"])]
    machine = next(iter(found.values()))["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    return [*lines, "", f"By `benchmarks/video.py`, on {machine['processor']} ({machine['cores']} cores); {versions}."]


def _learnt(score: dict[str, Any], unseen: dict[str, Any] | None) -> list[str]:
    one, other = (score["trained"][name] for name in ("tsm", "frames"))
    classes, clips = score["classes"], one["clips"]
    ahead = one["test"]["accuracy"] - other["test"]["accuracy"]
    lines = [
        f"Clips of {len(classes)} motions over real films and photos, made by a script with a seed and divided by",
        f"source: {clips['train']:,} to learn from, {clips['select']:,} to choose by, {clips['test']:,} for the test.",
        "It is not a set of actions. In a frame drawn at random, place and size of the window are distributed",
        f"alike for all motions, so that a single frame says nothing: guessing gives {100 / len(classes):.1f} %.",
        "Both networks are MobileNetV2 at 64 pixels. One has the temporal shift and reads beside each frame its",
        f"difference from the one before ({one['parameters']:,} parameters, {one['epochs']} epochs of",
        f"{clips['train']:,} clips drawn anew), the other sees single frames ({other['parameters']:,},",
        f"{other['epochs']} epochs).",
        "",
        "| network | test, % |" + (f" clips of {unseen['photos']} other photos, % |" if unseen else ""),
        "|---|---|" + ("---|" if unseen else ""),
    ]
    for name, what in (("tsm", "with shift and difference"), ("frames", "frame by frame")):
        row = f"| {what} | {score['trained'][name]['test']['accuracy']:.1f} |"
        lines.append(row + (f" {unseen['accuracy'][name]:.1f} |" if unseen else ""))
    lines += ["", f"Looking back is worth {ahead:.1f} points. By motion, in percent of its clips:", ""]
    lines += [f"| | {' | '.join(classes)} |", "|---" * (len(classes) + 1) + "|"]
    for name, what in (("tsm", "with shift and difference"), ("frames", "frame by frame")):
        taken = score["trained"][name]["test"]["taken_for"]
        shares = [100 * row[place] / max(1, sum(row)) for place, row in enumerate(taken)]
        lines.append(f"| {what} | {' | '.join(f'{share:.0f}' for share in shares)} |")
    return lines


def _demo(score: dict[str, Any]) -> list[str]:
    demo, stream = score["demo"], score["stream"]
    verdict = demo["verdict"]
    before, after = verdict["original"], verdict["final"]
    low, high = verdict["drop_interval"]
    return [
        f"Budget `{demo['budget']}`: **{'met' if verdict['met'] else 'missed'}** in {format_seconds(demo['seconds'])}:",
        f"{format_bytes(before['size_bytes'])} to {format_bytes(after['size_bytes'])},",
        f"{verdict['latency_ratio']:.1%} of the latency,",
        f"{before['parameters']:,} to {after['parameters']:,} parameters,",
        f"{before['score']:.2f} to {after['score']:.2f} % (a drop of {verdict['drop']:.2f} points, 95 % {low:.2f} to",
        f"{high:.2f}).",
        "",
        f"The bundle's stream, in FP32, differs from the clip form by at most {stream['largest_difference']:.1e} on",
        f"{stream['clips']:,} test clips (scores go up to {stream['largest_score']:.1f}); the artefact answers",
        f"{stream['answered_as_by_the_artefact']:.1f} % of them as the stream does.",
        f"The stream gets {stream['accuracy']:.2f} % right.",
    ]


def _times(timed: dict[str, Any]) -> list[str]:
    return [
        f"In turn on one thread, a clip being {timed['clip_frames']} frames:",
        "",
        "| | median | p95 |",
        "|---|---|---|",
        *(f"| {row['what']} | {format_ms(row['median_ms'])} | {format_ms(row['p95_ms'])} |" for row in timed["rows"]),
    ]


def _loader(loader: dict[str, Any]) -> list[str]:
    rates, share = loader["clips_a_second"], loader["share"]
    return [
        f"One thread of training takes {rates['nothing']:.1f} clips a second where the loader does nothing;",
        f"from frames in memory {share['memory']:.0%} of that, from files decoded anew each time by",
        f"{loader['workers']} processes {share['files']:.0%}.",
    ]
