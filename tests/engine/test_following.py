"""One run on two processes: both learn, the first alone measures and writes, and both know how it ended."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lissom.core.ledger import Ledger

pytest.importorskip("accelerate", reason="learning on several processes needs the extra 'accelerate'")
SCRIPT = Path(__file__).with_name("leading.py")


def start(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(SCRIPT)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        [*command, str(folder), *more], env=environment, capture_output=True, text=True, timeout=400, check=False
    )


@pytest.mark.slow
def test_a_run_on_two_processes(tmp_path: Path) -> None:
    done = start(tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"told-{rank}.json").read_text(encoding="utf-8")) for rank in range(2))
    assert first["met"] and second["met"] and first["folder"] == second["folder"]
    assert len(first["appended"]) > 20 and not second["appended"], "one process writes"
    ledger = Ledger(tmp_path / "run")
    assert len(ledger.values("end")) == 1
    learnt = [value for value in ledger.values("step") if value["step"]["step"] == "distill"]
    assert len(learnt) == 1
    assert (tmp_path / "run" / "bundle" / "predict.py").exists()


@pytest.mark.slow
def test_processes_with_different_weights_are_refused(tmp_path: Path) -> None:
    done = start(tmp_path, "other weights")
    assert done.returncode != 0
    assert "loaded different weights" in done.stderr
