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

import pytest

pytest.importorskip("ray", reason="--ray needs the extra 'ray'")

from lissom.core.errors import LissomError
from lissom.engine import ray_cluster
from lissom.engine.ray_cluster import RayCluster

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
