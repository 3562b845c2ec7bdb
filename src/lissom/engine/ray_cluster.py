"""Recoveries on an existing Ray cluster. What a lost worker had in hand is given to another one."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lissom.core.errors import LissomError, MissingExtraError, first_line
from lissom.engine import remote
from lissom.engine.carrying import Result

_CONNECT_S = 10.0
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # RFC 9113, section 3.4
_FRAME_HEAD, _FRAME_KIND, _SETTINGS = 9, 3, b"\x04"
_RETRIES = 3  # of an order whose worker was lost
_GRACE_S = 60.0  # to start a worker, load the model, and send the result


class RayCluster:
    """An executor over Ray (Moritz et al., 2018).

    Args:
        address: ``HOST:PORT``, ``ray://HOST:PORT``, or ``auto`` for the cluster that this machine belongs to.
        source: how a worker loads the original: arguments of :func:`lissom.tasks.loading.load`.
        weights: of the original, from :func:`lissom.engine.identity.weights_of`.
        seed: of the run.

    Raises:
        LissomError: Ray is not installed, the cluster cannot be reached, or it has other versions of Ray or Python.
    """

    def __init__(self, address: str, source: dict[str, Any], weights: str, seed: int) -> None:
        self._source, self._weights, self._seed = source, weights, seed
        self._ray = _connected(address)

    def carry(self, orders: Mapping[int, Sequence[Any]], seconds: float) -> Iterator[tuple[int, list[Result]]]:
        """See :class:`lissom.engine.spreading.Executor`."""
        ray = self._ray
        work = ray.remote(**self._needs(len(orders)), max_retries=_RETRIES)(remote.perform)
        waiting: dict[Any, int] = {
            work.remote(remote.order(self._source, self._weights, steps, seconds, self._seed)): number
            for number, steps in orders.items()
        }
        end = time.monotonic() + seconds * self.turns(len(orders)) + _GRACE_S
        try:
            while waiting:
                left = end - time.monotonic()
                limit = None if left == float("inf") else max(0.0, left)
                done, _ = ray.wait(list(waiting), num_returns=1, timeout=limit)
                if not done:
                    break
                number, results = waiting.pop(done[0]), self._read(done[0])
                if results is not None:
                    yield number, results
        finally:  # what is late, and what nobody waits for after a refusal or a kill
            for late in waiting:
                with contextlib.suppress(Exception):
                    ray.cancel(late, force=True)

    def turns(self, orders: int) -> int:
        """See :class:`lissom.engine.spreading.Executor`."""
        return -(-orders // self._at_once(orders))

    def _read(self, done: Any) -> list[Result] | None:
        """The results of an order; ``None`` where its workers were lost time and again."""
        try:
            found = self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            raise LissomError(
                f"a worker of the cluster cannot run lissom: {first_line(error)}",
                hint="install the same version of lissom on every machine of the cluster",
            ) from error
        except self._ray.exceptions.RayError:
            return None
        if "refused" in found:
            raise LissomError(
                found["refused"],
                hint="every machine of the cluster needs the same versions, and model and data at the same place",
            )
        return found["results"]

    def _needs(self, orders: int) -> dict[str, float]:
        """What an order takes of a machine: a GPU where the cluster has some, else an even share of the cores."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if any(node.get("GPU", 0) >= 1 for node in nodes):
            return {"num_gpus": 1}
        cores = [int(node.get("CPU", 0)) for node in nodes]
        return {"num_cpus": max(1, min(max(cores, default=1), sum(cores) // max(1, orders)))}

    def _at_once(self, orders: int) -> int:
        """How many orders the cluster has room for."""
        needs = self._needs(orders)
        name, each = ("GPU", 1.0) if "num_gpus" in needs else ("CPU", needs["num_cpus"])
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return max(1, sum(int(node.get(name, 0) // each) for node in nodes))


def _greet(host: str, port: int) -> None:
    """Begin HTTP/2, as gRPC does: whatever else answers there Ray would wait for, for minutes.

    Raises:
        OSError: nothing answers there in time, or not in HTTP/2.
    """
    with socket.create_connection((host, port), timeout=_CONNECT_S) as line:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return  # it is begun by keys that Ray alone has
        line.sendall(_PREFACE)
        answer = line.recv(_FRAME_HEAD)
    if answer[_FRAME_KIND : _FRAME_KIND + 1] != _SETTINGS:
        raise ConnectionError("what answers there is no cluster")


def _connected(address: str) -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "--ray") from error
    hint = "start one with ray start --head, and give the address that it prints"
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address != "auto":
        if not host or not port.isdecimal():
            raise LissomError(f"{address!r} is no address of a cluster", hint="write HOST:PORT, or auto")
        try:
            _greet(host, int(port))
        except (OSError, OverflowError) as error:
            raise LissomError(f"the cluster {address} cannot be reached: {error}", hint=hint) from error
    try:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except Exception as error:  # Ray has an exception of its own for nearly everything
        raise LissomError(f"the cluster {address} cannot be used: {first_line(error)}", hint=hint) from error
    return ray
