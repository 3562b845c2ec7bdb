"""The table of results/distillation_vision.json for docs/results.md."""

import json
import statistics
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from lissom.tasks.text.metrics import spearman

RESULT = Path(__file__).parent / "results" / "distillation_vision.json"
LONGER = RESULT.with_name("distillation_vision_longer.json")
NAMES = {
    "labels": "labels alone",
    "logits": "answers (Hinton)",
    "standardised": "standardised answers",
    "dkd": "decoupled answers (DKD)",
    "dist": "DIST",
    "hints": "hints (FitNets)",
    "attention_transfer": "attention transfer",
    "rkd": "distances and angles (RKD)",
    "similarity": "similarity-preserving",
    "crd": "contrast (CRD)",
}
# Test accuracy of ResNet-20 taught by ResNet-56 on CIFAR-100: Tian et al. 2020, table 1; Zhao et al. 2022 (dkd); Sun et
# al. 2024 (standardised). None that we can vouch for is there for dist.
PUBLISHED = {
    "labels": 69.06,
    "logits": 70.66,
    "standardised": 71.43,
    "dkd": 71.97,
    "hints": 69.21,
    "attention_transfer": 70.55,
    "rkd": 69.61,
    "similarity": 69.67,
    "crd": 71.16,
}


def vision() -> list[str]:
    """The section, or nothing where nothing was measured."""
    if not RESULT.exists():
        return []
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    rows = _by_arm(found["runs"])
    if "labels" not in rows:
        return []
    schedule = f"batch {found['batch']}, AdamW {found['rate']:g}, one cycle"
    told = (
        f"CIFAR-10: ResNet-8 learns from ResNet-20, which has {found['teacher']['test']:.2f} % on test, on "
        f"{found['pictures']:,} pictures for {found['epochs']} epochs ({schedule}). "
        "That is short: the order counts, not the height. Every loss stands beside the labels' own, with "
        "the weights of its paper; all arms of a seed start from the same weights and see the same views. Accuracy on "
        "the 10,000 test pictures in percent, mean over seeds with the standard deviation; gains seed by seed."
    )
    return [
        "## Distillation of pictures",
        "",
        *textwrap.wrap(told, 115),
        "",
        "| learnt from, beside the labels | seeds | test | gain | gain as published |",
        "|---|---|---|---|---|",
        *(_row(arm, rows) for arm in sorted(rows, key=lambda arm: -statistics.mean(rows[arm].values()))),
        "",
        *textwrap.wrap(_order(rows), 115),
        "",
        *_longer(rows, found["epochs"]),
        f"Learnt on {found['machine']['processor']} ({found['machine']['cores']} cores).",
        "",
    ]


def _longer(rows: dict[str, dict[int, float]], epochs: int) -> list[str]:
    """Whether what stands out of the order is of the short training."""
    if not LONGER.exists():
        return []
    found = json.loads(LONGER.read_text(encoding="utf-8"))
    longer = _by_arm(found["runs"])
    gains = {arm: (_gain(arm, rows), _gain(arm, longer)) for arm in longer if arm != "labels"}
    told = "; ".join(
        f"{NAMES[arm]} {short:+.2f} and {long:+.2f}" for arm, (short, long) in gains.items() if short and long
    )
    seeds = max(len(values) for values in longer.values())
    whole = (
        f"Gains after {epochs} epochs and after {found['epochs']} ({seeds} {'seed' if seeds == 1 else 'seeds'}; labels "
        f"alone {statistics.mean(longer['labels'].values()):.2f}): {told}."
    )
    return [*textwrap.wrap(whole, 115), ""]


def _by_arm(runs: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Test accuracy by arm and seed."""
    found: dict[str, dict[int, float]] = {}
    for row in runs:
        found.setdefault(row["arm"], {})[row["seed"]] = row["test"]
    return found


def _gain(arm: str, rows: dict[str, dict[int, float]]) -> float | None:
    shared = set(rows[arm]) & set(rows["labels"])
    return statistics.mean(rows[arm][seed] - rows["labels"][seed] for seed in shared) if shared else None


def _row(arm: str, rows: dict[str, dict[int, float]]) -> str:
    scores, gain = list(rows[arm].values()), _gain(arm, rows)
    spread = f" ± {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
    more = "" if arm == "labels" or gain is None else f"{gain:+.2f}"
    published = f"{PUBLISHED[arm] - PUBLISHED['labels']:+.2f}" if arm in PUBLISHED and arm != "labels" else ""
    return f"| {NAMES[arm]} | {len(scores)} | {statistics.mean(scores):.2f}{spread} | {more} | {published} |"


def _order(rows: dict[str, dict[int, float]]) -> str:
    """Whether the losses are ordered as published: Spearman's correlation of the gains."""
    known = [arm for arm in rows if arm in PUBLISHED and arm != "labels"]
    gains = {arm: gain for arm in known if (gain := _gain(arm, rows)) is not None}
    if len(gains) < 3:
        return ""
    published = np.asarray([PUBLISHED[arm] for arm in gains])
    alike = spearman(np.asarray(list(gains.values())), published) / 100
    return (
        f"The ranks of the gains go with those of the published ones (ResNet-20 from ResNet-56 on CIFAR-100 over 240 "
        f"epochs) by {alike:.2f} (Spearman, {len(gains)} losses)."
    )
