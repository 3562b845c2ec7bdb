"""How fast a repaired cut is taught in a short recovery, for results/recovering.json.

    python benchmarks/recovering.py WORK SUBJECT...   sample, resnet20, motions; a quarter of an hour of a core each,
                                                      and an hour of the last

WORK is the folder that pruning.py works in. A share of the units goes by Fisher information, what reads them is solved
anew, and the original teaches for half an epoch of ResNet-20, one of the sample network, or three of the classifier of
clips, at several highest rates of the same cycle. Scores are of the select split.
"""

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adding import added, known
from pruning import accuracy, context_of  # first: it chooses one thread
from rewrites import loaded

from lissom.core.machine import describe
from lissom.core.records import to_json
from lissom.steps.distillation.distill import Distill
from lissom.steps.distillation.learning import usual_learning
from lissom.steps.pruning.choosing import choose
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.tasks.loading import load
from lissom.workload.workload import Workload

RESULTS = Path(__file__).parent / "results" / "recovering.json"
RATES = (3e-4, 1e-3, 6e-3)
# shares of units, epochs, and the share of the examples that is seen in each
CUTS = {"resnet20": ((0.25, 0.5), 1, 0.5), "sample": ((0.67,), 1, 1.0), "motions": ((0.78,), 3, 1.0)}
CLIPS = "zoo:tsm_rgbdiff_mobilenet_v2"
EXAMPLES = {"motions": 128}  # that clips are repaired by, as a run of a few minutes does it


def measure(work: Path, name: str) -> None:
    """What is not known yet of one subject."""
    clips = name == "motions"
    workload = load(CLIPS, data=name, task="video", download=True) if clips else loaded(name, work)
    _add(name, "original", lambda: accuracy(workload.module, workload.splits.select))
    shares, epochs, seen = CUTS[name]
    for gone in shares:
        with TemporaryDirectory() as folder:
            context = context_of(workload, Path(folder), 0)
            cut = choose(workload, gone, criterion="fisher", ranking="global").apply(workload, context)
            repaired = Reconstruct(examples=EXAMPLES.get(name, 1024)).apply(cut, context)
        _add(name, f"{gone:g} repaired", lambda made=repaired: accuracy(made.module, workload.splits.select))
        for rate in RATES:
            step = replace(lesson(workload, epochs, seen), rate=rate)
            _add(name, f"{gone:g} {rate:g}", lambda made=repaired, step=step: taught(workload, made, step))


def lesson(workload: Workload, epochs: int, seen: float) -> Distill:
    """A recovery of so many epochs; where the set draws other examples of training, the original answers to those."""
    _, batch = usual_learning(workload)
    return Distill(epochs=epochs, share=seen, batch=batch, views=min(workload.views or 1, epochs))


def taught(workload: Workload, repaired: Workload, step: Distill) -> float:
    """The score after a recovery."""
    with TemporaryDirectory() as folder:
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
