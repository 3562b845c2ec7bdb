"""A whole run of the tiny workload in one of several processes. Started by test_following.py under torchrun."""

import json
import os
import sys
from pathlib import Path

import torch

import lissom
from lissom.core.ledger import Ledger
from lissom.engine import probing
from lissom.testing import tiny_workload

OPTIONS = lissom.Options(epochs=2, calibration=32, measure_s=0.02, tries=1, compared=0)


def main(folder: Path) -> None:
    """Make the run, and write down what this process knows of it."""
    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    probing._SECONDS = 0.02
    appended: list[str] = []
    append = Ledger.append
    Ledger.append = lambda self, kind, key, value: (appended.append(kind), append(self, kind, key, value))[1]
    workload = tiny_workload()
    if len(sys.argv) > 2 and rank == 1:
        with torch.no_grad():
            next(workload.module.parameters()).add_(1.0)
    run = lissom.compress(workload, budget="parameters<=50%, drop<=30pt", output=folder / "run", options=OPTIONS)
    told = {"met": run.met, "folder": str(run.folder), "appended": appended}
    (folder / f"told-{rank}.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
