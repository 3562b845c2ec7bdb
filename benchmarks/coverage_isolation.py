"""A measurement in a process of its own, with a limit on its processor time; what it found until then is kept."""

import json
import os
import signal
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

Measure = Callable[[str, Any], None]
BUILD_LIMIT_S = 300


def limit_time(seconds: float) -> None:
    """End this process when it has used ``seconds`` of processor time from now on."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def isolated(measure: Measure, spec: str) -> dict[str, Any]:
    """Run ``measure(spec, report)`` in a process of its own and return all that it reported.

    A verdict is always among it: ``fail`` with the error, ``timeout:STAGE`` or ``crash:STAGE`` if it gave none.
    """
    with tempfile.TemporaryFile("w+") as file:
        child = os.fork()
        if child == 0:
            _child(measure, spec, file.fileno())
        _, status = os.waitpid(child, 0)
        file.seek(0)
        found: dict[str, Any] = {}
        for line in file.read().splitlines():
            found.update(json.loads(line))
    stage = found.pop("stage", "start")
    if "verdict" not in found:
        late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGPROF
        found["verdict"] = f"{'timeout' if late else 'crash'}:{stage}"
    return found


def _child(measure: Measure, spec: str, handle: int) -> None:
    def report(**finding: Any) -> None:
        os.write(handle, (json.dumps(finding) + "\n").encode())

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        limit_time(BUILD_LIMIT_S)
        report(stage="build")
        measure(spec, report)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
        report(verdict="fail", why=f"{type(error).__name__}: {str(error)[:300]}", at=where)
    finally:
        os._exit(0)
