"""What a block that is left out costs by itself and after a repair, and what it tells which blocks to leave out.

    python benchmarks/depth.py WORK SUBJECT...   resnet20 and mobilenet_v2 (CIFAR-10); twenty minutes of a core each
    python benchmarks/results.py                 the table, in docs/results.md

WORK is the folder that pruning.py works in. Scores are on the test split, nothing is trained. Each row is added to
results/depth.json at once, and what is known is not done again.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adding import once
from pruning import SUBJECTS, accuracy, context_of  # first: it chooses one thread

from lissom.steps.depth.blocks import find_blocks
from lissom.steps.depth.drop_layers import DropLayers, least_needed
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.step import Context
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "depth.json"
COUNTS = (1, 2, 3)


def costs(workload: Workload, layers: tuple[str, ...], context: Context) -> dict[str, Any]:
    """Points that are lost without some blocks, and after the repair."""
    test, short = workload.splits.test, DropLayers(layers).apply(workload, context)
    whole = accuracy(workload.module, test)
    repaired = Reconstruct().apply(short, context)
    return {
        "layers": list(layers),
        "alone": whole - accuracy(short.module, test),
        "repaired": whole - accuracy(repaired.module, test),
    }


def measure(work: Path, name: str) -> None:
    """Every block by itself, and the blocks that either way to choose leaves out."""
    workload = SUBJECTS[name].load(work)
    with TemporaryDirectory() as folder:
        context = context_of(workload, Path(folder), 0)
        for block in find_blocks(workload.module, workload.example):
            once(RESULTS, name, "blocks", block.name, lambda n=block.name: costs(workload, (n,), context))
        for way, repaired in (("by the answers without it", False), ("by the answers after the repair", True)):
            for count in COUNTS:
                once(RESULTS, name, way, str(count), lambda c=count, r=repaired: _chosen(workload, c, r, context))


def _chosen(workload: Workload, count: int, repaired: bool, context: Context) -> dict[str, Any]:
    return costs(workload, least_needed(workload, count, repaired=repaired).layers, context)


if __name__ == "__main__":
    for subject in sys.argv[2:]:
        measure(Path(sys.argv[1]), subject)
