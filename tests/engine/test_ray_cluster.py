"""A cluster of two workers, one of which is lost while it learns: what it had in hand comes back from the other; and
addresses where none is."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="--ray needs the extra 'ray'")

from lissom.core.errors import LissomError
from lissom.core.ledger import NAME, Ledger
from lissom.engine import ray_cluster
from lissom.engine.ray_cluster import RayCluster

MODEL = """
from lissom.testing.tiny import drawn_splits, trained_net


def net():
    return trained_net()


def data():
    splits = drawn_splits()
    parts = {"train": splits.train, "select": splits.select, "test": splits.test}
    return {name: [(s.pictures[i], int(s.labels[i])) for i in range(len(s))] for name, s in parts.items()}
"""


def carried_out(script: str, folder: Path) -> dict[str, Any]:
    """What a script that starts a cluster wrote down."""
    model = folder / "mine.py"
    model.write_text(MODEL, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script)), str(folder), str(model)],
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "300",
        },
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "told.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_lost_worker_loses_nothing(tmp_path: Path) -> None:
    told = carried_out("on_a_cluster.py", tmp_path)
    assert told["alive"] == [3, 2], "the head and two workers, then one of them"
    assert sorted(number for number, *_ in told["came"]) == [1, 2, 3, 4]
    for number, _, files, rate in told["came"]:
        assert files == ["model.safetensors"] and rate == pytest.approx(1e-3 * number)


@pytest.mark.slow
def test_a_run_that_loses_a_worker_and_is_killed_learns_nothing_twice(tmp_path: Path) -> None:
    told = carried_out("run_on_a_cluster.py", tmp_path)
    assert told["code"] == 0, (tmp_path / "said.txt").read_text(encoding="utf-8")
    whole = (tmp_path / "run" / NAME).read_text(encoding="utf-8")
    assert whole.startswith(told["kept"])
    ledger = Ledger(tmp_path / "run")
    spread = len(ledger.values("recovery"))
    assert 1 <= len(told["at_loss"]) < len(told["at_kill"]) < spread, (
        "a worker was lost, and the run killed, on the way"
    )
    steps = [record for record in ledger if record.kind == "step"]
    assert len({record.key for record in steps}) == len(steps)
    assert sum(record.value["step"]["step"] == "distill" for record in steps) == spread
    assert ledger.find("note", "spread") is None, "all of it came back"


@contextmanager
def answering(said: bytes | None) -> Iterator[str]:
    """The address of a server that says something to whoever connects, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def answer() -> None:
            with suppress(OSError):
                line, _ = server.accept()
                taken.append(line)
                if said is not None:
                    line.sendall(said)
                    line.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()
        for line in taken:
            line.close()


@pytest.mark.parametrize(
    ("said", "why"),
    [(None, "timed out"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is no cluster"), (b"", "is no cluster")],
)
def test_what_is_no_cluster_is_said_at_once(said: bytes | None, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_CONNECT_S", 0.5)
    with answering(said) as address, pytest.raises(LissomError, match=f"{address} cannot be reached: .*{why}"):
        RayCluster(address, {}, "", 0)


def test_a_server_of_grpc_is_let_through() -> None:
    with answering(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])) as address:
        ray_cluster._greet("127.0.0.1", int(address.rpartition(":")[2]))


def test_a_port_that_there_is_not() -> None:
    with pytest.raises(LissomError, match="cannot be reached"):
        RayCluster("127.0.0.1:99999999", {}, "", 0)
