"""Runs of the tiny workload that are killed at chosen lines of their ledger. Started by test_resume.py.

Every start is a process of its own (a fork, so that PyTorch is imported once). The clock is replaced: timings are
the same in every run, so that two runs can be compared.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

import lissom
from lissom.core import ledger as ledger_module
from lissom.core.ledger import Ledger
from lissom.engine import measuring, probing
from lissom.export.onnx_file import export_onnx
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.testing import tiny_workload
from lissom.testing.tiny import trained_net

BUDGET = "parameters<=60%, size<=45%, drop<=30pt"
OPTIONS = lissom.Options(epochs=2, calibration=32, measure_s=0.01, tries=2, compared=0)


def steady(calls: Any, **settings: Any) -> dict[str, list[float]]:
    """One run of each, and timings that depend on the name alone."""
    for call in calls.values():
        call()
    return {name: [1.0 if name == "original" else 0.5] * 40 for name in calls}


def start(folder: Path, log: Path) -> bool:
    """One start of the run, counting what is measured."""
    measuring.interleaved = steady
    probing.timings = lambda runners, examples, seconds: steady(
        {name: (lambda runner=runner: runner.run(examples[0])) for name, runner in runners.items()}
    )
    OnnxRuntime.peak_memory_bytes = lambda *args, **kwargs: 1_000_000
    return lissom.compress(tiny_workload(), budget=BUDGET, output=folder, options=OPTIONS).met


def kill_at(line: int, how: str) -> None:
    """Let the process die by SIGKILL when the ledger is about to get its line number ``line``."""
    append = Ledger.append

    def dying(self: Ledger, kind: str, key: str, value: Any) -> None:
        count = self.path.read_bytes().count(b"\n") if self.path.exists() else 0
        if count + 1 >= line and how == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if count + 1 >= line and how == "torn":
            with self.path.open("ab") as file:
                text = json.dumps({"schema": ledger_module.SCHEMA, "kind": kind, "key": key, "value": None})
                file.write(text.encode()[: len(text) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, kind, key, value)
        if count + 1 >= line:
            os.kill(os.getpid(), signal.SIGKILL)

    Ledger.append = dying


def in_a_child(work: Any) -> int:
    """The exit code of ``work`` in a fork; minus the number of the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(70)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    torch.set_num_threads(1)
    root = Path(sys.argv[1])
    trained_net()
    export_onnx(tiny_workload().module, tiny_workload().example, root / "first.onnx")  # its table of operators, once
    codes: dict[str, Any] = {"whole": in_a_child(lambda: start(root / "whole", root))}
    lines = (root / "whole" / "ledger.jsonl").read_bytes().count(b"\n")
    moments = [round(1 + (lines - 2) * part / 9) for part in range(10)]
    codes["moments"], codes["killed"], codes["kept"] = moments, [], []
    for number, line in enumerate(moments):
        how = ("after", "before", "torn")[number % 3]

        def doomed(line: int = line, how: str = how) -> bool:
            kill_at(line, how)
            return start(root / "killed", root)

        codes["killed"].append(in_a_child(doomed))
        found = (root / "killed" / "ledger.jsonl").read_text(encoding="utf-8")
        codes["kept"].append(found[: found.rfind("\n") + 1])
    codes["resumed"] = in_a_child(lambda: start(root / "killed", root))
    codes["again"] = in_a_child(lambda: kill_at(0, "before") or start(root / "killed", root))
    (root / "codes.json").write_text(json.dumps(codes), encoding="utf-8")


if __name__ == "__main__":
    main()
