"""docs/targets.md, written from the results."""

import math
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "docs" / "targets.md"
_NAMES = {
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
    machine = results["machine"]
    lines = [
        "# Targets",
        "",
        "Written by `benchmarks/quantization.py page` from `benchmarks/results/quantization.json`.",
        "",
        f"Measured on {machine['processor']}, {machine['cores']} cores, {' '.join(machine['instructions'])}.",
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
    lines += _speed(results.get("speed", {})) + _quality(results.get("quality", {}).get("efficientnet_lite0"))
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _speed(speed: dict[str, Any]) -> list[str]:
    if not speed:
        return []
    keys = list(dict.fromkeys(key for found in speed.values() for key in (*found["rows"], *found["missing"])))
    fewest = min(row["samples"] for found in speed.values() for row in found["rows"].values())
    lines = [
        "## Latency",
        "",
        "Milliseconds, median, one thread, batch 1, 3x224x224; all artefacts of a network in turn in one process,",
        f"at least {fewest} timings each. The fastest of a network is bold. Weights are random: for speed alone.",
        "",
        f"| target and precision | {' | '.join(speed)} |",
        f"|---|{'---|' * len(speed)}",
    ]
    best = {name: min(found["rows"], key=lambda key: found["rows"][key]["latency_ms"]) for name, found in speed.items()}
    for key in keys:
        cells = [_cell(found["rows"].get(key), best[name] == key) for name, found in speed.items()]
        lines.append(f"| {key} | {' | '.join(cells)} |")
    ratios = [1 / speed[name]["rows"][best[name]]["of_onnxruntime_fp32"] for name in speed]
    everywhere = [key for key in keys if all(key in found["rows"] for found in speed.values())]
    means = {
        key: _geometric([1 / found["rows"][key]["of_onnxruntime_fp32"] for found in speed.values()])
        for key in everywhere
    }
    fixed = max(means, key=lambda key: means[key])
    lines += [
        "",
        f"The fastest of each network against ONNX Runtime FP32: {_geometric(ratios):.2f}x in the geometric mean;",
        f"the best single choice for all ({fixed}): {means[fixed]:.2f}x.",
        "",
    ]
    missing = {(key, why) for found in speed.values() for key, why in found["missing"].items()}
    lines += [f"- {key}: {why}" for key, why in sorted(missing)] + ([""] if missing else [])
    return lines


def _cell(row: dict[str, Any] | None, bold: bool) -> str:
    if row is None:
        return "-"
    text = f"{row['latency_ms']:.2f}"
    return f"**{text}**" if bold else text


def _geometric(values: list[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def _quality(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    lines = [
        "## INT8 of EfficientNet-Lite0",
        "",
        f"Calibrated on {found['calibrated']} photos without labels, scored on {found['photos']} others. Agreement and",
        "divergence (KL, in nats) are with the FP32 model; the drop has its 95 % interval, paired.",
        "",
        "| INT8 by | runs on | top-1 | drop | agreement | divergence | size |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in found["rows"].items():
        if name not in _NAMES:
            continue
        low, high = row["drop_interval"]
        lines.append(
            f"| {_NAMES[name]} | {row['target']} | {row['top1']:.2f} % | {row['drop']:.2f} ({low:.2f} to {high:.2f}) | "
            f"{row['agreement']:.2f} % | {row['divergence']:.4f} | {row['size_share']:.1%} |"
        )
    return [*lines, ""]
