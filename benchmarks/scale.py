"""Unit costs of larger work, measured here in about a minute: written to benchmarks/results/scale.json.

    python benchmarks/scale.py

Processor seconds of one thread, so that a busy machine does not spoil them much.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torchvision

from lissom.core.ledger import Ledger
from lissom.core.machine import describe
from lissom.core.records import to_json

RESULTS = Path(__file__).parent / "results" / "scale.json"
TURNS, BATCH = 5, 4


def usual(work: Callable[[], object]) -> tuple[float, float]:
    """The median of a few turns in processor seconds, and the largest distance from it."""
    spent: list[float] = []
    for _ in range(TURNS + 1):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    middle = statistics.median(spent[1:])
    return middle, max(abs(value - middle) for value in spent[1:])


def measure() -> dict[str, object]:
    """Seconds of each unit, with the spread over the turns."""
    torch.set_num_threads(1)
    model = torchvision.models.resnet50(weights=None).train()
    optimizer = torch.optim.AdamW(model.parameters())
    pictures = torch.randn(BATCH, 3, 224, 224)

    def learn() -> None:
        model(pictures).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    def answer() -> None:
        with torch.inference_mode():
            model(pictures)

    gradients = sum(parameter.numel() for parameter in model.parameters()) * 4
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        number = iter(range(10**6))
        append = usual(lambda: [ledger.append("trial", str(next(number)), {"figures": [0.0] * 40}) for _ in range(100)])
        start = time.process_time()
        for key in range(400):
            ledger.append("trial", f"more {key}", {"figures": [0.0] * 40})
        size = ledger.path.stat().st_size / len(list(ledger))
        start = time.process_time()
        Ledger(Path(folder))
        read = (time.process_time() - start) / len(list(ledger))
    learnt, asked = usual(learn), usual(answer)
    return {
        "turns": TURNS,
        "resnet50_learn_s_per_picture": learnt[0] / BATCH,
        "resnet50_learn_spread_s": learnt[1] / BATCH,
        "resnet50_answer_s_per_picture": asked[0] / BATCH,
        "resnet50_answer_spread_s": asked[1] / BATCH,
        "resnet50_gradient_bytes": gradients,
        "ledger_append_s": append[0] / 100,
        "ledger_read_s": read,
        "ledger_bytes": size,
    }


if __name__ == "__main__":
    found = {"machine": to_json(describe()), "torch": torch.__version__, **measure()}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
