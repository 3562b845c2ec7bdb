"""Real cases, from runs that were made before: timm's EfficientNet-Lite0 and a ResNet-20 on CIFAR-10, and the demo of
texts.

    python training/cifar10.py efficientnet_lite0 cifar10.zip lite0.safetensors
    lissom compress timm:tf_efficientnet_lite0 --weights lite0.safetensors --data cifar10.zip --size 64 \
      --budget "latency<=50%, size<=25%, drop<=1pt" --time-limit 10m -o runs/cifar10
    python benchmarks/cases.py cifar10 runs/cifar10
    lissom compress zoo:resnet20 --weights resnet20-cifar10.safetensors --data cifar10.zip --size 32 \
      --mean 0.4914,0.4822,0.4465 --std 0.247,0.2435,0.2616 --target onnxruntime --time-limit 6m \
      --budget "latency<=60%, size<=30%, memory<=95%, drop<=1pt" -o runs/three-limits
    python benchmarks/cases.py three_limits runs/three-limits
    make demo-text && python benchmarks/cases.py demo_text runs/demo-text

Writes results/CASE.json from the ledgers of the runs, whatever they say.
"""

import sys
from pathlib import Path
from typing import Any

from lissom.core.files import write_json
from lissom.core.ledger import Ledger
from lissom.core.records import Settings, Trial, Verdict, to_json

RESULTS = Path(__file__).parent / "results"


def measured(folder: Path) -> dict[str, Any]:
    """One run: budget, verdict and every move."""
    ledger = Ledger(folder)
    settings, verdict, end = ledger.get(Settings), ledger.get(Verdict), ledger.find("end")
    assert settings is not None and verdict is not None and end is not None
    return {
        "model": settings.model,
        "budget": settings.budget,
        "seconds": end["seconds"],
        "verdict": to_json(verdict) | {"original": _short(verdict.original), "final": _short(verdict.final)},
        "steps": [_step(trial) for trial in ledger.all(Trial)],
    }


def _step(trial: Trial) -> dict[str, Any]:
    assert trial.figures is not None
    return {
        "move": trial.move,
        "size_bytes": trial.figures.size_bytes,
        "latency_ms": trial.figures.latency_ms,
        "score": trial.figures.score,
        "decision": f"{'kept' if trial.kept else 'undone'}: {trial.reason}",
    }


def _short(figures: object) -> dict[str, Any]:
    return {name: value for name, value in to_json(figures).items() if name != "latency_samples_ms"}


def main(case: str, folders: list[Path]) -> None:
    """Collect the runs."""
    machine = Ledger(folders[0]).find("machine")
    write_json(RESULTS / f"{case}.json", {"machine": machine, "runs": [measured(folder) for folder in folders]})


if __name__ == "__main__":
    main(sys.argv[1], [Path(argument) for argument in sys.argv[2:]])
