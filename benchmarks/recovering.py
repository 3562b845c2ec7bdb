"""How fast a repaired cut is taught in a short recovery, for results/recovering.json.

    python benchmarks/recovering.py WORK SUBJECT...   sample and resnet20; about a quarter of an hour of a core each

WORK is the folder that pruning.py works in. A share of the units goes by Fisher information, what reads them is solved
anew, and the original teaches for half an epoch of ResNet-20 or one of the sample network, at several highest rates of
the same cycle. Scores are of the select split.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adding import added, known
from pruning import accuracy, context_of  # first: it chooses one thread
from rewrites import loaded

from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.steps.distillation.distill import Distill
from lissom.steps.pruning.choosing import choose
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "recovering.json"
RATES = (3e-4, 1e-3, 6e-3)
CUTS = {"resnet20": ((0.25, 0.5), 0.5), "sample": ((0.67,), 1.0)}  # shares of units, and epochs


def measure(work: Path, name: str) -> None:
    """What is not known yet of one subject."""
    workload = loaded(name, work)
    _add(name, "original", lambda: accuracy(workload.module, workload.splits.select))
    shares, epochs = CUTS[name]
    for gone in shares:
        with TemporaryDirectory() as folder:
            context = context_of(workload, Path(folder), 0)
            cut = choose(workload, gone, criterion="fisher", ranking="global").apply(workload, context)
            repaired = Reconstruct().apply(cut, context)
        _add(name, f"{gone:g} repaired", lambda made=repaired: accuracy(made.module, workload.splits.select))
        for rate in RATES:
            _add(name, f"{gone:g} {rate:g}", lambda made=repaired, rate=rate: taught(workload, made, rate, epochs))


def taught(workload: Workload, repaired: Workload, rate: float, epochs: float) -> float:
    """The score after a recovery."""
    with TemporaryDirectory() as folder:
        step = Distill(epochs=1, share=epochs, rate=rate, batch=128)
        made = step.apply(repaired, context_of(workload, Path(folder), 0))
    return accuracy(made.module, workload.splits.select)


def _add(name: str, key: str, make: Any) -> None:
    if key in known(RESULTS).get(name, {}):
        return
    made = make()
    with added(RESULTS) as results:
        results["machine"] = to_json(describe())
        results.setdefault(name, {})[key] = made
    print(name, key, made, flush=True)


if __name__ == "__main__":
    for subject in sys.argv[2:]:
        measure(Path(sys.argv[1]), subject)
