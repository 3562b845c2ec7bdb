"""Count all models of the zoo: writes the catalog's counts and docs/families.md.

Run:  python benchmarks/families.py [--imagenet-sample FOLDER]
The folder holds labels.csv (file, class_index, label) and the pictures it names. Without it the score of
EfficientNet-Lite0 stays what the last run with it found (benchmarks/families.json).
"""

import argparse
import csv
import json
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import families_page
import torch
from PIL import Image
from torchvision import transforms

from lissom.cost import profile
from lissom.cost.allocator import allocator_peak, run_graph
from lissom.zoo import MODELS, build
from lissom.zoo.inputs import example_inputs
from lissom.zoo.weights import PACKAGED, packaged_state

ROOT = Path(__file__).parents[1]
COUNTS = ROOT / "src/lissom/zoo/counts.json"
MEASURED = ROOT / "benchmarks/families.json"
PAGE = ROOT / "docs/families.md"
ALLOCATOR_NETWORKS = (
    "sample",
    "mobilenet_v1_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenetv4_hybrid_medium",
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x1_0",
    "squeezenet1_0_complex_bypass",
    "efficientnet_b0",
    "resnet18",
)
LITE0 = "tf_efficientnet_lite0"


def count(name: str, shape: tuple[int, ...] | None = None) -> dict[str, int]:
    """Counts of one model at its usual input, or at another."""
    inputs = example_inputs(name) if shape is None else (torch.zeros(shape),)
    result = profile(build(name), inputs)
    assert not result.uncounted, (name, result.uncounted)
    return {
        "parameters": result.parameters,
        "macs": result.macs,
        "attention_macs": result.attention_macs,
        "peak_memory_bytes": result.peak_memory_bytes,
        "size_bytes": result.size_bytes,
    }


def check_memory(name: str) -> dict[str, int]:
    """Our peak beside what the allocator saw, in a graph that frees after the last use and in plain Python."""
    model = build(name).eval()
    inputs = example_inputs(name)
    graph = allocator_peak(run_graph(model, inputs), inputs)
    python = allocator_peak(lambda: model(*inputs), inputs)
    return {
        "ours": profile(model, inputs).peak_memory_bytes,
        "graph": graph.live_bytes,
        "graph_with_workspace": graph.all_bytes,
        "python": python.live_bytes,
        "python_with_workspace": python.all_bytes,
    }


def score_lite0(folder: Path) -> dict[str, Any]:
    """Top-1 and top-5 of the packaged EfficientNet-Lite0 on labelled photos."""
    handling = PACKAGED[LITE0].handling
    prepare = transforms.Compose(
        [
            transforms.Resize(handling["resize"]),
            transforms.CenterCrop(handling["crop"]),
            transforms.ToTensor(),
            transforms.Normalize(handling["mean"], handling["std"]),
        ]
    )
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures = torch.stack([prepare(Image.open(folder / row["file"]).convert("RGB")) for row in rows])
    labels = torch.tensor([int(row["class_index"]) for row in rows])
    model = build(LITE0).eval()
    model.load_state_dict(packaged_state(LITE0))
    with torch.no_grad():
        best = torch.cat([model(batch).topk(5).indices for batch in pictures.split(50)])
    hits = best == labels[:, None]
    return {
        "top1": round(100 * hits[:, 0].float().mean().item(), 2),
        "top5": round(100 * hits.any(1).float().mean().item(), 2),
        "n": len(rows),
    }


def measure(folder: Path | None) -> dict[str, Any]:
    """All that is measured and not counted, merged with what an earlier run found."""
    found = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    libraries = ("torch", "torchvision", "timm", "transformers")
    found["versions"] = {library: version(library) for library in libraries}
    found["date"] = datetime.now(UTC).date().isoformat()
    found["memory"] = {name: check_memory(name) for name in ALLOCATOR_NETWORKS}
    if folder is not None:
        found["lite0"] = score_lite0(folder) | {"date": found["date"]}
    found["other_inputs"] = [
        {"name": name, "input": shape, **count(name, shape)} for name, shape in families_page.OTHER_INPUTS
    ]
    return found


def main() -> None:
    """Count, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--imagenet-sample", type=Path)
    parser.add_argument("--page-only", action="store_true", help="write the page again, count nothing")
    options = parser.parse_args()
    if not options.page_only:
        count_all(options.imagenet_sample)
    PAGE.write_text(families_page.page(json.loads(MEASURED.read_text(encoding="utf-8"))), encoding="utf-8")


def count_all(folder: Path | None) -> None:
    """Write the catalog's counts and what was measured."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    started = time.perf_counter()
    counts = {name: count(name) for name in MODELS}
    COUNTS.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    found = measure(folder)
    MEASURED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(counts)} models counted in {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
