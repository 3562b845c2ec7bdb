"""A file is touched while something is at work, and not afterwards."""

import os
import time
from pathlib import Path

from lissom.engine.heartbeat import beating, last_beat


def test_a_file_is_touched_meanwhile_and_no_longer(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert last_beat(file) == 0.0
    file.touch()
    os.utime(file, (100.0, 100.0))
    with beating(file, every_s=0.01):
        while last_beat(file) == 100.0:
            time.sleep(0.01)
    os.utime(file, (100.0, 100.0))
    time.sleep(0.05)
    assert last_beat(file) == 100.0


def test_a_file_that_is_gone_disturbs_nothing(tmp_path: Path) -> None:
    with beating(tmp_path / "lock", every_s=0.001):
        time.sleep(0.02)
