"""The time is written to a file while something is at work, and not afterwards."""

import time
from pathlib import Path

from lissom.engine.heartbeat import beating, last_beat


def test_the_time_is_written_meanwhile_and_no_longer(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    assert last_beat(file) == 0.0
    file.touch()
    assert last_beat(file) == 0.0
    before = time.time()
    with beating(file, every_s=0.01):
        while last_beat(file) < before - 1:
            time.sleep(0.01)
    file.write_text("100", encoding="ascii")
    time.sleep(0.05)
    assert last_beat(file) == 100.0


def test_the_time_before_is_there_until_the_next_one_is(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    file.write_text("100", encoding="ascii")
    began = time.time()
    seen: list[float] = []
    with beating(file, every_s=0.0):
        while len(seen) < 2000 or seen[-1] < began - 1:
            seen.append(last_beat(file))
    assert min(seen) >= 100.0


def test_a_folder_that_is_gone_disturbs_nothing(tmp_path: Path) -> None:
    with beating(tmp_path / "gone" / "lock", every_s=0.001):
        time.sleep(0.02)
    assert not (tmp_path / "gone").exists()
