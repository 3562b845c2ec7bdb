"""docs/targets.md, written from the results."""

import json
import math
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "targets.md"
WAYS = Path(__file__).parent / "results" / "quantization_ways.json"
_TITLES = {
    "efficientnet_lite0": "EfficientNet-Lite0",
    "resnet20 on CIFAR-10": "ResNet-20 on CIFAR-10",
    "mobilenet_v2 on CIFAR-10": "MobileNetV2 on CIFAR-10",
}
_NAMES = {
    "onnxruntime-lissom.onnx": "lissom",
    "openvino-lissom.xml": "lissom",
    "onnxruntime-minmax.onnx": "lissom, plain",
    "onnxruntime-mse-corrected.onnx": "lissom, corrected",
    "openvino-minmax.xml": "lissom, plain",
    "openvino-mse-corrected.xml": "lissom, corrected",
    "peer-onnxruntime-minmax.onnx": "ONNX Runtime's own, minmax",
    "peer-onnxruntime-percentile.onnx": "ONNX Runtime's own, percentile",
    "peer-nncf-performance.xml": "NNCF's own, performance",
    "peer-nncf-mixed.xml": "NNCF's own, mixed",
}


def write_page(results: dict[str, Any]) -> None:
    """Write the page."""
    lines = [
        "# Targets",
        "",
        "Written by `benchmarks/quantization.py page` from `benchmarks/results/quantization.json`.",
        "",
        "| target | packages |",
        "|---|---|",
        *(
            f"| {name} | {', '.join(f'{package} {version}' for package, version in versions.items())} |"
            for name, versions in results["versions"].items()
        ),
        "",
        "All of them install together: `pip install -e '.[targets]'`. `lissom targets` makes and runs a small network",
        "with each and says what works on a machine.",
        "",
    ]
    lines += _speed(results.get("speed", {}))
    lines += _older(results.get("speed with AVX2 alone", {}))
    for name, found in results.get("quality", {}).items():
        lines += _quality(name, found)
    if WAYS.exists():
        lines += _ways(json.loads(WAYS.read_text(encoding="utf-8"))["networks"])
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _speed(speed: dict[str, Any]) -> list[str]:
    if not speed:
        return []
    keys = _keys(speed)
    lines = [
        "## Latency",
        "",
        _machine(speed),
        "",
        *_table(speed, keys),
    ]
    return lines + _looks(speed, keys) + _choices(speed, keys)


def _older(speed: dict[str, Any]) -> list[str]:
    """The same on a processor without AVX-512, VNNI and AMX."""
    if not speed:
        return []
    keys = _keys(speed)
    return [
        "## On a processor with AVX2 alone",
        "",
        "The same artefacts on the same machine, with everything that is newer than AVX2 hidden from the libraries",
        "(`benchmarks/avx2_only.py`: AVX-512, 8-bit dot products (VNNI), AMX): they take the kernels that they take on",
        "an older processor. Code that PyTorch's inductor made for this processor is left out.",
        "",
        *_table(speed, keys),
        *_choices(speed, keys),
    ]


def _keys(speed: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(key for found in speed.values() for key in (*found["rows"], *found["missing"])))


def _machine(found: dict[str, Any]) -> str:
    """On which machine networks were measured: a line."""
    machine = next(iter(found.values()))["machine"]
    return f"Measured on {machine['processor']}, {machine['cores']} cores, {' '.join(machine['instructions'])}."


def _table(speed: dict[str, Any], keys: list[str]) -> list[str]:
    """The latencies."""
    fewest = min(row["samples"] for found in speed.values() for row in found["rows"].values())
    best = _fastest(speed)
    missing = {(key, why) for found in speed.values() for key, why in found["missing"].items()}
    return [
        "Milliseconds, median, one thread, batch 1, 3x224x224; all artefacts of a network in turn in one process, each",
        f"loaded anew four times, at least {fewest} timings each; in brackets half of the median's 95 % interval. The",
        "fastest of a network is bold. Weights are random: for speed alone.",
        "",
        f"| target and precision | {' | '.join(speed)} |",
        f"|---|{'---|' * len(speed)}",
        *(
            f"| {key} | "
            + " | ".join(_cell(found["rows"].get(key), best[name] == key) for name, found in speed.items())
            + " |"
            for key in keys
        ),
        "",
        *(f"- {key}: {why}" for key, why in sorted(missing)),
        *([""] if missing else []),
    ]


def _fastest(speed: dict[str, Any]) -> dict[str, str]:
    """The fastest target and precision of each network."""
    return {name: min(found["rows"], key=lambda key: found["rows"][key]["latency_ms"]) for name, found in speed.items()}


def _looks(speed: dict[str, Any], keys: list[str]) -> list[str]:
    """What each artefact takes besides time, and what does not run as meant."""
    if not all("size_bytes" in row for found in speed.values() for row in found["rows"].values()):
        return []
    timed = all("first_answer_ms" in row for found in speed.values() for row in found["rows"].values())
    lines = [
        "### Size and memory",
        "",
        "Megabytes of the files / megabytes that loading and one run add to a process of its own"
        + (" / milliseconds there from nothing" if timed else "."),
        *(["loaded to the first answer."] if timed else []),
        "",
        f"| target and precision | {' | '.join(speed)} |",
        f"|---|{'---|' * len(speed)}",
    ]
    for key in keys:
        rows = [found["rows"].get(key) for found in speed.values()]
        cells = ["-" if row is None else _look(row, timed) for row in rows]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Operators that fell back: outside the fast kernels of a runtime, or in float in an INT8 artefact.",
        "",
        *(
            f"- {name}, {key}: {', '.join(f'{count} {kind}' for kind, count in row['fallbacks'].items())}"
            for name, found in speed.items()
            for key, row in found["rows"].items()
            if row["fallbacks"]
        ),
        "",
    ]


def _look(row: dict[str, Any], timed: bool) -> str:
    text = f"{row['size_bytes'] / 1e6:.1f} / {row['peak_memory_bytes'] / 1e6:.0f}"
    return f"{text} / {row['first_answer_ms']:.0f}" if timed else text


def _choices(speed: dict[str, Any], keys: list[str]) -> list[str]:
    """What ``--target auto`` decided for, held against a measurement that it did not see, and against fixed choices."""
    best = _fastest(speed)
    everywhere = [key for key in keys if all(key in found["rows"] for found in speed.values())]
    means = {
        key: _geometric([1 / found["rows"][key]["of_onnxruntime_fp32"] for found in speed.values()])
        for key in everywhere
    }
    fixed = max(means, key=lambda key: means[key])
    gains = {name: 1 / found["rows"][found["chosen"]]["of_onnxruntime_fp32"] for name, found in speed.items()}
    lines = [
        "### What `--target auto` chooses",
        "",
        "The choice is made from timings of its own, before the table above is measured. The third column is its time",
        "over that of the fastest in the table, with its 95 % interval; the fourth is that of the best choice that is",
        f"the same for all networks, {fixed}; the last is the gain over ONNX Runtime FP32.",
        "",
        f"| network | chosen | over the fastest | {fixed} over the fastest | gain |",
        "|---|---|---|---|---|",
    ]
    for name, found in speed.items():
        low, high = found["of_fastest_interval"]
        own = found["rows"][fixed]["latency_ms"] / found["rows"][best[name]]["latency_ms"]
        over = f"{found['of_fastest']:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"| {name} | {found['chosen']} | {over} | {own:.3f} | {gains[name]:.2f}x |")
    mean = _geometric(list(gains.values()))
    most = _geometric([1 / found["rows"][best[name]]["of_onnxruntime_fp32"] for name, found in speed.items()])
    return [
        *lines,
        "",
        f"Gains in the geometric mean: {mean:.2f}x as chosen, {means[fixed]:.2f}x with {fixed} for all, and",
        f"{most:.2f}x with the fastest of the table for each: no choice gives more here.",
        "",
    ]


def _cell(row: dict[str, Any] | None, bold: bool) -> str:
    if row is None:
        return "-"
    low, high = row["latency_interval_ms"]
    text = f"{row['latency_ms']:.2f}"
    return f"{f'**{text}**' if bold else text} ({(high - low) / 2:.2f})"


def _geometric(values: list[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def _quality(name: str, found: dict[str, Any]) -> list[str]:
    lines = [
        f"## INT8 of {_TITLES.get(name, name)}",
        "",
        f"Calibrated on {found['calibrated']} pictures without labels, scored on {found['photos']:,} others. Agreement",
        "and divergence (KL, in nats) are with the FP32 model; the drop has its 95 % interval, paired. Scored on",
        f"{found['machine']['processor']}.",
        "",
        "| INT8 by | runs on | top-1 | drop | agreement | divergence | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for file, row in found["rows"].items():
        if file in _NAMES:
            low, high = row["drop_interval"]
            lines.append(
                f"| {_NAMES[file]} | {row['target']} | {row['top1']:.2f} % "
                f"| {row['drop']:.2f} ({low:.2f} to {high:.2f}) | {row['agreement']:.2f} % "
                f"| {row['divergence']:.4f} | {row['size_share']:.1%} |"
            )
    return [*lines, "", *_beside(found["rows"]), ""]


def _beside(rows: dict[str, Any]) -> list[str]:
    """Each of lissom's rows against the best that the others reach on the same runtime, column by column."""
    lines = ["Against the best of the others on the same runtime, column by column:", ""]
    for file, row in rows.items():
        here = {name: other for name, other in rows.items() if other["target"] == row["target"]}
        theirs = [other for name, other in here.items() if name.startswith("peer-")]
        if file in _NAMES and row not in theirs and theirs:
            agreement = row["agreement"] - max(other["agreement"] for other in theirs)
            divergence = row["divergence"] / min(other["divergence"] for other in theirs)
            lines.append(
                f"- {_NAMES[file]}, {row['target']}: agreement {agreement:+.2f} points, divergence {divergence:.2f} "
                f"times, top-1 {_ahead(row, theirs)}."
            )
    lines += [
        "",
        "A difference in top-1 within the intervals is chance: INT8 may change a wrong answer to the right one.",
    ]
    return lines


def _ahead(row: dict[str, Any], theirs: list[dict[str, Any]]) -> str:
    """By how many points, and where it is known, the paired interval of that difference."""
    text = f"{row['top1'] - max(other['top1'] for other in theirs):+.2f} points"
    if not row.get("behind"):
        return text
    behind, (low, high) = max(row["behind"].values(), key=lambda found: found[0])
    return f"{-behind:+.2f} points (95 %, paired: {-high:+.2f} to {-low:+.2f})"


def _ways(networks: dict[str, Any]) -> list[str]:
    """What other ways to quantize would give."""
    lines = [
        "## Ways that were tried",
        "",
        "Written by `benchmarks/quantization_ways.py`: cross-layer equalisation before the quantizing, and learnt",
        "rounding in the place of the closed form, on ONNX Runtime, from 256 pictures (100 photos for",
        "EfficientNet-Lite0), scored on every fifth picture of the test set (400 photos). Agreement and divergence",
        "are with the FP32 model.",
    ]
    for name, rows in networks.items():
        lines += ["", f"| {_TITLES.get(name, name)} | top-1 | agreement | divergence |", "|---|---|---|---|"]
        lines += [
            f"| {way} | {row['top1']:.2f} % | {row['agreement']:.2f} % | {row['divergence']:.6f} |"
            for way, row in rows.items()
        ]
    return [*lines, ""]
