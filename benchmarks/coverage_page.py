"""Write docs/coverage.md from what benchmarks/coverage.py measured.

python benchmarks/coverage_page.py
"""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

RESULTS = Path(__file__).parent / "results" / "coverage.json"
DOCUMENT = Path(__file__).parent.parent / "docs" / "coverage.md"
SETS = {
    "tv": "torchvision, classification",
    "tvseg": "torchvision, segmentation",
    "tvdet": "torchvision, detection",
    "tvvid": "torchvision, video",
    "timm": "timm, two lists",
    "hf": "transformers, random weights",
}
FAMILIES = "family"
HEAD = """# What can be pruned

Written by `python benchmarks/coverage_page.py`; do not edit. `benchmarks/coverage.py` measures; it takes up where it
was stopped. The rows are of one day, on which the code went on.

A random half of the units of every group is removed at once, with random weights, one process per model, one thread.
**Proven** is: at least 30 % of the parameters are gone, the forward runs, the outputs have the shapes that they had,
and in double precision they equal those of the original with everything removed masked, to 1e-6 relative. The proof
shares no code with what finds the groups. A model may take {limit} s from capture to pruned model; the proof is not
counted. **Torch-Pruning** is asked for less, on the same models: it ran, shapes unchanged, 30 % gone. Its settings
are those of its first page: magnitude over groups, half of the channels of every layer, the layers that make the
outputs named to it.
"""
Row = dict[str, Any]


def passed(row: Row | None) -> bool:
    """Whether the model counts as pruned."""
    return row is not None and row["verdict"] == "pass"


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """A table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def by_set(rows: dict[str, Row], peer: dict[str, Row]) -> list[str]:
    """Counts for each set, beside Torch-Pruning's."""
    head = ("set", "models", "proven", "less than 30 % gone", "wrong", "none", "in the user's class",
            "Torch-Pruning passes", "of these, heads straddled")  # fmt: skip
    lines = [
        _counts(title, [(s, r) for s, r in rows.items() if r["set"] == name], peer) for name, title in SETS.items()
    ]
    lines = [line for line in lines if line[1]]
    total = [sum(int(line[i]) for line in lines) for i in range(1, len(head))]
    return markdown(head, [*lines, ("**all**", *(f"**{n}**" for n in total))])


def _counts(title: str, mine: list[tuple[str, Row]], peer: dict[str, Row]) -> tuple[object, ...]:
    verdicts = [row["verdict"] for _, row in mine]
    counts = [verdicts.count(v) for v in ("pass", "weak", "wrong")]
    theirs = [peer[spec] for spec, _ in mine if passed(peer.get(spec))]
    own = sum(bool(row.get("own_class")) and passed(row) for _, row in mine)
    straddled = sum(row.get("straddling", 0) > 0 for row in theirs)
    return title, len(mine), *counts, len(mine) - sum(counts), own, len(theirs), straddled


def both(rows: dict[str, Row], peer: dict[str, Row]) -> list[tuple[str, Row, Row]]:
    """The models that both prune."""
    return [(s, r, peer[s]) for s, r in rows.items() if passed(r) and passed(peer.get(s))]


def amounts(pairs: list[tuple[str, Row, Row]]) -> list[str]:
    """Where fewer parameters go than with Torch-Pruning."""
    fewer = [(spec, ours, theirs) for spec, ours, theirs in pairs if ours["gone"] < theirs["gone"] - 0.0005]
    more = len(pairs) - len(fewer)
    text = [f"At least as many parameters go as with Torch-Pruning on {more} of the {len(pairs)} that both prune.", ""]
    if not fewer:
        return text
    lines = [(f"`{s}`", f"{a['gone']:.1%}", f"{b['gone']:.1%}", b.get("straddling") or "") for s, a, b in fewer]
    return [*text, *markdown(("fewer on", "gone", "with Torch-Pruning", "attention layers it straddles"), lines)]


def times(timed: dict[str, dict[str, Row]]) -> list[str]:
    """Seconds on models that both prune, measured in turn."""
    both_done = [(t["ours"], t["peer"]) for t in timed.values() if "seconds" in t["ours"] and passed(t["peer"])]
    if not both_done:
        return ["## Time", "", "Not measured yet: `python benchmarks/coverage_timing.py`.", ""]
    parts: list[tuple[str, Callable[[Row], float], str, Callable[[Row], float]]] = [
        ("finding the groups", lambda r: r["couple_s"], "building its graph", lambda r: r["graph_s"]),
        ("from model to pruned model, capture included", lambda r: r["seconds"], "the same", lambda r: r["seconds"]),
        ("of this, torch.export", lambda r: r["capture_s"], "-", lambda r: 0.0),
    ]
    lines = []
    for what, ours, whose, theirs in parts:
        mine, other = [ours(a) for a, _ in both_done], [theirs(b) for _, b in both_done]
        lines.append((what, f"{median(mine):.2f}", f"{max(mine):.1f}", whose,
                      *((f"{median(other):.2f}", f"{max(other):.1f}") if any(other) else ("", ""))))  # fmt: skip
    lines.append(("the ratio of the totals, model by model", *_ratios(both_done), "", "", ""))
    head = (f"s, n = {len(both_done)}", "median", "longest", "Torch-Pruning", "median", "longest")
    return [
        "## Time",
        "",
        "Processor time of one thread in seconds, on models that both prune, in turn, by",
        "`benchmarks/coverage_timing.py`.",
        "",
        *markdown(head, lines),
        *_vit(timed),
    ]


def _ratios(both_done: list[tuple[Row, Row]]) -> tuple[str, str]:
    ratios = [ours["seconds"] / theirs["seconds"] for ours, theirs in both_done]
    return f"{median(ratios):.1f}", f"{max(ratios):.1f}"


def _vit(timed: dict[str, dict[str, Row]]) -> list[str]:
    row = timed.get("tv:vit_b_16", {}).get("ours", {})
    if "prune_s" not in row:
        return []
    return [f"Choosing and slicing a ViT-B takes {row['cut_s'] + row['prune_s']:.1f} s.", ""]


def slowest(rows: dict[str, Row]) -> list[str]:
    """The model that takes longest, of all that were measured."""
    slow = max((row["seconds"], spec) for spec, row in rows.items() if "seconds" in row)
    return [f"The slowest of all models is `{slow[1]}` with {slow[0]:.1f} s, measured while others ran.", ""]


def failures(rows: dict[str, Row], title: str) -> list[str]:
    """What did not pass, with the message."""
    lines = [
        (f"`{spec}`", row["verdict"], row.get("gone", ""), _why(row)) for spec, row in rows.items() if not passed(row)
    ]
    if not lines:
        return []
    return [f"## {title}", "", *markdown(("model", "verdict", "gone", "message"), lines)]


def _why(row: Row) -> str:
    said = [row.get("why", ""), row.get("where", ""), *row.get("notes", [])]
    text = next((line for line in said if line), "")
    return text.replace("|", "/").replace("\n", " ")[:200]


def families(rows: dict[str, Row]) -> list[str]:
    """One small member of every architecture family of timm."""
    if not rows:
        return []
    good = sum(map(passed, rows.values()))
    return [
        "## Every family of timm",
        "",
        f"One small member of each of timm's {len(rows)} families: **{good}** ({good / len(rows):.2%}) are proven.",
        "",
        *failures(rows, "Families that did not pass"),
    ]


def page(data: dict[str, Any]) -> str:
    """The whole document."""
    listed = {spec: row for spec, row in data["rows"].items() if row["set"] != FAMILIES}
    others = {spec: row for spec, row in data["rows"].items() if row["set"] == FAMILIES}
    pairs = both(listed, data["peer"])
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    lines = [
        HEAD.format(limit=60),
        *by_set(listed, data["peer"]),
        "*In the user's class*: the class's own forward computes the smaller model; otherwise a graph with the same",
        "parameter names is delivered. *Heads straddled*: the cut of Torch-Pruning takes different numbers of cells",
        "from the heads of some attention layer, whose forward then makes heads of cells that never belonged together.",
        "",
        *(amounts(pairs) if pairs else ["Torch-Pruning: not measured here yet.", ""]),
        *times(data.get("timed", {})),
        *slowest(data["rows"]),
        *failures(listed, "What did not pass"),
        *families(others),
        f"Measured with {versions}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")
