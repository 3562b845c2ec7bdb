"""Does a target work here? Told by making and running a small network with it, in every precision that it has."""

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, first_line
from lissom.core.interpreter import PYTHON
from lissom.targets import TARGETS
from lissom.targets.target import FP32, INT8, Source, Target

_SIDE, _BATCH = 16, 8


def try_apart(name: str) -> dict[str, Any]:
    """What :func:`try_target` says of a target, from a process of its own.

    A runtime that ends its process does not end this one, and what it tells on the error stream is not shown.
    """
    done = subprocess.run([*PYTHON, "-m", __name__, name], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    by = f"signal {signal.Signals(-done.returncode).name}" if done.returncode < 0 else f"code {done.returncode}"
    last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return _found(TARGETS.get(name)(), [], f"its process ended with {by}: {last}")


def try_target(target: Target) -> dict[str, Any]:
    """What is installed of a target, and whether it works on this machine.

    Returns:
        ``name``, ``title``, ``works``, ``precisions`` that worked, ``versions``, ``batch`` (``free`` or ``one``), and
        ``why`` and ``hint`` where something does not work.
    """
    if missing := target.missing():
        return _found(target, [], missing, hint=target.remedy)
    return _found(target, *_worked(target))


def _found(target: Target, worked: list[str], why: str, hint: str | None = None) -> dict[str, Any]:
    return {
        "name": target.name,
        "title": target.title,
        "works": bool(worked) and not why,
        "precisions": worked,
        "versions": target.versions(),
        "batch": "free" if target.free_batch else "one",
        "why": why or None,
        "hint": hint,
    }


def _worked(target: Target) -> tuple[list[str], str]:
    import torch
    from torch import nn

    from lissom.targets.parity import check_parity

    worked: list[str] = []
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
        ).eval()
        inputs = torch.randn(_BATCH, 3, _SIDE, _SIDE)
        plain = None
        for precision in target.precisions:
            path = target.place(Path(folder), precision)
            try:
                if precision == INT8:
                    assert plain is not None
                    made = target.quantize(Source(module, (inputs[:1],), plain), [[inputs.numpy()]], path)
                else:
                    made = target.export(module, (inputs[:1],), path, precision)
                check_parity(module, target, made, [inputs.numpy()])
            except LissomError as error:
                return worked, error.message
            except Exception as error:  # a foreign library may fail in ways of its own: that is what is asked here
                return worked, f"{precision}: {first_line(error)}"
            plain = made if precision == FP32 else plain
            worked.append(precision)
    return worked, ""


if __name__ == "__main__":
    print(json.dumps(try_target(TARGETS.get(sys.argv[1])())))
