"""The demo beside the least that it has to beat: its final architecture, trained from scratch for the same time.

    make demo
    python benchmarks/demo.py runs/demo
    python benchmarks/results.py

With ``--without-training`` it only takes down what the run measured. Reads the run, trains the delivered
architecture from random weights on the labels for as long as the run took in
all, and writes benchmarks/results/demo.json.
"""

import copy
import sys
import time
from pathlib import Path

import torch
from torch import nn

from lissom.core.files import write_json
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Settings, Verdict, to_json
from lissom.core.statistics import score_interval
from lissom.engine.delivery import delivered_plan
from lissom.report.terminal import table
from lissom.report.view import read
from lissom.steps.pruning.prune import Prune, without
from lissom.tasks.loading import load
from lissom.train.loop import Schedule, supervised, train
from lissom.workload.workload import Split, Workload

RESULT = Path(__file__).parent / "results" / "demo.json"
RATE = 3e-3


def architecture(workload: Workload, ledger: Ledger, seed: int) -> nn.Module:
    """The delivered architecture with random weights."""
    steps = [step for move in delivered_plan(ledger).moves for step in move.steps if isinstance(step, Prune)]
    removed = {index: units for index, _, units in steps[0].removed}
    module = copy.deepcopy(without(workload, removed).module)
    torch.manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear, nn.BatchNorm2d)):
            layer.reset_parameters()
    return module


def grades(workload: Workload, module: nn.Module, split: Split) -> torch.Tensor:
    """1 for each example that is right, else 0."""
    right: list[torch.Tensor] = []
    with torch.inference_mode():
        for start in range(0, len(split), 500):
            batch = split.take(list(range(start, min(start + 500, len(split)))))
            right.append(module.eval()(*batch.inputs).argmax(1) == batch.targets)
    return torch.cat(right).double()


def epochs_in(workload: Workload, module: nn.Module, seconds: float, seed: int) -> int:
    """How many epochs take ``seconds`` here, from a hundred steps."""
    start = time.monotonic()
    share = 100 * 128 / len(workload.splits.train)
    _learn(workload, module, Schedule(1, RATE, share=share, seed=seed))
    return max(1, int(seconds / ((time.monotonic() - start) / share)))


def _learn(workload: Workload, module: nn.Module, schedule: Schedule) -> nn.Module:
    return train(
        module,
        workload.splits.train,
        supervised(workload.task),
        schedule,
        progress=Progress(),
        what="from scratch",
    )


def main(folder: Path, seeds: tuple[int, ...] = (0,)) -> None:
    """Compare, and write the result."""
    ledger = Ledger(folder)
    settings, verdict, end = ledger.get(Settings), ledger.get(Verdict), ledger.find("end")
    assert settings is not None and verdict is not None and end is not None
    workload = load(settings.model, data=settings.data, download=True, seed=settings.seed)
    rows = []
    for seed in seeds:
        module = architecture(workload, ledger, seed)
        epochs = epochs_in(workload, module, end["seconds"], seed)
        start = time.monotonic()
        trained = _learn(workload, module, Schedule(epochs, RATE, seed=seed))
        seconds = time.monotonic() - start
        score, interval = score_interval(grades(workload, trained, workload.splits.test).numpy(), workload.task.score)
        rows.append({"seed": seed, "epochs": epochs, "seconds": seconds, "score": score, "interval": interval})
        print(f"seed {seed}: {epochs} epochs, {seconds:.0f} s, {score:.2f} % (FP32)", flush=True)
    machine = ledger.find("machine")
    result = {
        "settings": to_json(settings),
        "machine": machine,
        "table": table(read(folder), 100),
        "seconds": end["seconds"],
        "verdict": {**to_json(verdict), "original": _short(verdict.original), "final": _short(verdict.final)},
        "from_scratch": rows,
    }
    write_json(RESULT, result)


def _short(figures: object) -> dict[str, object]:
    return {name: value for name, value in to_json(figures).items() if name != "latency_samples_ms"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), () if "--without-training" in sys.argv[2:] else (0,))
