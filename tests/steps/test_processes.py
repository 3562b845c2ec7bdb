"""Losses between layers under several processes: the same gradients as one process has on the whole batch."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import torch

SCRIPT = Path(__file__).with_name("two_processes.py")


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    started = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(rank), str(tmp_path)], env=one_thread, stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=300)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    first, second = (torch.load(tmp_path / f"gradients-{rank}.pt", weights_only=True) for rank in range(2))
    spec = importlib.util.spec_from_file_location("two_processes", SCRIPT)
    assert spec is not None and spec.loader is not None
    together = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(together)
    student, lesson = together.student_and_lesson()
    batch = together.examples(0, 1)
    lesson(student(*batch.inputs), batch, 0).backward()
    alone = together.gradients(student, lesson)
    assert len(alone) == len(first) == 8, "six of the student, two projections"
    for one, other, whole in zip(first, second, alone, strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one, whole, rtol=1e-4, atol=1e-6)
        assert whole.abs().sum() > 0
