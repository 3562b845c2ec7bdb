"""A cluster of two workers, one of which is lost while it learns: what it had in hand comes back from the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="--ray needs the extra 'ray'")
MODEL = """
from lissom.testing.tiny import drawn_splits, fresh_net


def net():
    return fresh_net()


def data():
    splits = drawn_splits()
    parts = {"train": splits.train, "select": splits.select, "test": splits.test}
    return {name: [(s.pictures[i], int(s.labels[i])) for i in range(len(s))] for name, s in parts.items()}
"""
SCRIPT = Path(__file__).with_name("on_a_cluster.py")


@pytest.mark.slow
def test_a_lost_worker_loses_nothing(tmp_path: Path) -> None:
    model = tmp_path / "mine.py"
    model.write_text(MODEL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), str(model)],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "300",
        },
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["alive"] == [3, 2], "the head and two workers, then one of them"
    assert sorted(number for number, *_ in told["came"]) == [1, 2, 3, 4]
    for number, _, files, rate in told["came"]:
        assert files == ["model.safetensors"] and rate == pytest.approx(1e-3 * number)
