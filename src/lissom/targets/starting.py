"""A cold start: how long loading takes and how much memory, in a process that knows the runtime alone."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.interpreter import PYTHON
from lissom.export.bundle import runner_sources

_CHILD = """
import json, sys, time
from pathlib import Path
import numpy as np

def read(field):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))

folder, path, shapes, threads = json.loads(sys.argv[1])
sys.path.insert(0, folder)
from runner import Runner

example = [np.zeros(shape, dtype) for shape, dtype in shapes]
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
before, start = read("VmRSS"), time.perf_counter()
runner = Runner(Path(path), threads)
runner.run(example)
took = time.perf_counter() - start
print(json.dumps({"peak_memory_bytes": read("VmHWM") - before, "first_answer_ms": took * 1e3}))
"""


@dataclass(frozen=True)
class Start:
    """What a fresh process needs until the first answer: memory beyond the runtime's own, and time."""

    peak_memory_bytes: int
    first_answer_ms: float


def start(runner: str, path: Path, example: Sequence[np.ndarray], *, threads: int) -> Start:
    """Load an artefact and run it once in a process of its own.

    Args:
        runner: a module of :mod:`lissom.export.runners`.
        path: the artefact's main file.
        example: inputs; their shapes count.
        threads: of the runtime.

    Raises:
        LissomError: it cannot be loaded or run.
    """
    shapes = [(list(array.shape), str(array.dtype)) for array in example]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        for name, source in runner_sources(runner).items():
            (Path(folder) / name).write_text(source, encoding="utf-8")
        command = [*PYTHON, "-c", _CHILD, json.dumps([folder, str(path), shapes, threads])]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise LissomError(f"the memory of {path.name} could not be measured: {done.stderr.strip()[-200:]}")
    return Start(**json.loads(done.stdout.strip().splitlines()[-1]))
