"""The tables of results/pruning.json for docs/results.md."""

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

RESULTS = Path(__file__).parent / "results" / "pruning.json"
NAMES = {
    "resnet20": "ResNet-20, CIFAR-10",
    "mobilenet_v2": "MobileNetV2 (half width, 32 px), CIFAR-10",
    "efficientnet_lite0": "EfficientNet-Lite0, 400 photos, calibrated on 100",
}


def section() -> list[str]:
    """The section, or nothing where nothing was measured."""
    if not RESULTS.exists():
        return []
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    subjects = {name: rows for name, rows in known.items() if name in NAMES}
    return [
        "",
        "## Half of the multiply-adds away, beside Torch-Pruning",
        "",
        "The same weights, data and cost for both (`benchmarks/pruning.py`). Scores are percent of the test pictures;",
        "mean and standard deviation over seeds, which draw what is looked at and the order of training. Torch-Pruning",
        "is shown with the criterion that does best on the test pictures: the choice is made in its favour.",
        "",
        *_one_shot(subjects),
        *_eliminated(subjects),
        *_criteria(subjects),
        *_fine_tuned(subjects),
        *_pipelines(subjects),
    ]


def _one_shot(subjects: dict[str, Any]) -> list[str]:
    lines = [
        "The cut alone, with no training at all:",
        "",
        "| network | seeds | original | lissom, cut | repaired | Torch-Pruning | its BatchNorm re-estimated | ahead |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rows in subjects.items():
        own = _rows(rows, "lissom one-shot")
        cut, again = _best(rows, "cut"), _best(rows, "reestimated")
        if not own or not cut:
            continue
        ahead = mean(row["repaired"] for row in own) - max(mean(cut[1]), mean(again[1]))
        lines.append(
            f"| {NAMES[name]} | {len(own)} | {rows['original']['score']:.2f} | {_spread(row['cut'] for row in own)} "
            f"| **{_spread(row['repaired'] for row in own)}** | {_spread(cut[1])} ({cut[0]}) "
            f"| {_spread(again[1])} ({again[0]}) | {ahead:+.1f} |"
        )
    return [*lines, ""]


def _eliminated(subjects: dict[str, Any]) -> list[str]:
    found = {name: _rows(rows, "lissom eliminate") for name, rows in subjects.items()}
    scores = [f"{NAMES[name]}: {_spread(row['repaired'] for row in own)}" for name, own in found.items() if own]
    return [f"With units chosen by backward elimination (`eliminate`): {'; '.join(scores)}.", ""] if scores else []


def _criteria(subjects: dict[str, Any]) -> list[str]:
    lines = ["All criteria of Torch-Pruning, cut / with BatchNorm re-estimated, seed 0:", ""]
    names = list(dict.fromkeys(name for rows in subjects.values() for name in _peers(rows)))
    lines += [f"| criterion | {' | '.join(NAMES[name] for name in subjects)} |", "|---" * (len(subjects) + 1) + "|"]
    for criterion in names:
        cells: list[str] = []
        for rows in subjects.values():
            first = next(iter(_peers(rows).get(criterion, [])), {})
            pair = [first[stage] for stage in ("cut", "reestimated") if stage in first]
            cells.append(" / ".join(f"{value:.1f}" for value in pair) or "does not run")
        lines.append(f"| {criterion} | {' | '.join(cells)} |")
    return [*lines, ""]


def _fine_tuned(subjects: dict[str, Any]) -> list[str]:
    lines = [
        "After the identical fine-tune (labels alone, the same steps, rate and order):",
        "",
        "| network | epochs | lissom | Torch-Pruning | ahead |",
        "|---|---|---|---|---|",
    ]
    empty = len(lines)
    for name, rows in subjects.items():
        found = _rows(rows, "fine-tune")
        if found:
            ahead = mean(row["lissom"] - row["peer"] for row in found)
            lines.append(
                f"| {NAMES[name]} | {found[0]['epochs']} | {_spread(row['lissom'] for row in found)} "
                f"| {_spread(row['peer'] for row in found)} ({found[0]['peer_by']}) | {ahead:+.2f} |"
            )
    return [*lines, ""] if len(lines) > empty else []


def _pipelines(subjects: dict[str, Any]) -> list[str]:
    lines = [
        "Whole pipelines, both planned for the same processor time on one thread: lissom cuts, repairs and distils;",
        "Torch-Pruning cuts by its best criterion, re-estimates BatchNorm and fine-tunes:",
        "",
        "| network | lissom | epochs | took | Torch-Pruning | epochs | took | ahead |",
        "|---|---|---|---|---|---|---|---|",
    ]
    empty = len(lines)
    for name, rows in subjects.items():
        own, theirs = _rows(rows, "pipeline lissom"), _rows(rows, "pipeline peer")
        if own and theirs:
            ahead = mean(row["score"] for row in own) - mean(row["score"] for row in theirs)
            lines.append(
                f"| {NAMES[name]} | {_spread(row['score'] for row in own)} | {mean(row['epochs'] for row in own):.1f} "
                f"| {mean(row['seconds'] for row in own):.0f} s | {_spread(row['score'] for row in theirs)} "
                f"| {mean(row['epochs'] for row in theirs):.1f} "
                f"| {mean(row['seconds'] for row in theirs):.0f} s | {ahead:+.2f} |"
            )
    return [*lines, ""] if len(lines) > empty else []


def _rows(rows: dict[str, Any], begin: str) -> list[dict[str, Any]]:
    return [row for key, row in rows.items() if key.startswith(f"{begin} ")]


def _peers(rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The results of Torch-Pruning by criterion and scope, one for each seed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for key, row in rows.items():
        if key.startswith("peer one-shot "):
            criterion, _, scope = key.removeprefix("peer one-shot ").split(" ", 1)[1].rpartition(" ")
            found.setdefault(f"{criterion}, {scope}", []).append(row)
    return found


def _best(rows: dict[str, Any], stage: str) -> tuple[str, list[float]]:
    """The criterion with the highest score with seed 0, and its scores by seed."""
    scores = {name: [row[stage] for row in found if stage in row] for name, found in _peers(rows).items()}
    best = max((name for name, found in scores.items() if found), key=lambda name: scores[name][0], default="")
    return best, scores.get(best, [])


def _spread(values: Iterable[float]) -> str:
    numbers = list(values)
    return f"{mean(numbers):.2f}" + (f" ± {stdev(numbers):.2f}" if len(numbers) > 1 else "")
