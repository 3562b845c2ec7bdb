"""Decoding in processes of their own: a file that ends its decoder does not end the run.

``python -m lissom.tasks.video.workers`` is one worker: a line of JSON in, a line of JSON and the pixels out.
"""

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.interpreter import PYTHON
from lissom.tasks.video.handling import Frames, read_frames

COUNT = max(1, min(8, os.cpu_count() or 1))


@dataclass(frozen=True)
class Job:
    """Frames of one video: ``moments`` are shares of its duration, ``resize`` is the shorter side in pixels."""

    path: Path
    moments: tuple[float, ...]
    resize: int


class Workers:
    """Processes that decode, started when they are first needed.

    Args:
        count: how many.
    """

    def __init__(self, count: int = COUNT) -> None:
        self.count = count
        self.idle: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        for _ in range(count):
            self.idle.put(None)
        weakref.finalize(self, _end_all, self.idle)

    def read(self, jobs: Sequence[Job]) -> Iterator[Frames | str]:
        """For each job in order its frames ``(moments, height, width, 3)``, or why there are none."""
        with ThreadPoolExecutor(self.count) as pool:
            yield from pool.map(self._one, jobs)

    def rest(self) -> None:
        """End the processes until they are needed again."""
        for _ in range(_end_all(self.idle)):
            self.idle.put(None)

    def _one(self, job: Job) -> Frames | str:
        worker = self.idle.get()
        try:
            if worker is None or worker.poll() is not None:
                _end(worker)
                worker = _started()
            found = _asked(worker, job)
            if found is None:
                worker.wait()
                return f"it ends its decoder (code {worker.returncode})"
            return found
        finally:
            self.idle.put(worker)


def _end_all(idle: "SimpleQueue[subprocess.Popen[bytes] | None]") -> int:
    """End the processes that are not at work; how many places there were."""
    count = 0
    while not idle.empty():
        _end(idle.get())
        count += 1
    return count


def _end(worker: "subprocess.Popen[bytes] | None") -> None:
    if worker is None:
        return
    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.close()
    worker.stdout.close()
    worker.wait()


def _started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PYTHON, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what codecs log of damaged files is told by the answer
    )


def _asked(worker: "subprocess.Popen[bytes]", job: Job) -> Frames | str | None:
    """The answer of a worker, ``None`` where it ended."""
    assert worker.stdin is not None and worker.stdout is not None
    asked = {"path": str(job.path), "moments": job.moments, "resize": job.resize}
    try:
        worker.stdin.write(json.dumps(asked).encode() + b"\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return None
    line = worker.stdout.readline()
    if not line:
        return None
    answer = json.loads(line)
    if "error" in answer:
        return str(answer["error"])
    pixels = worker.stdout.read(int(np.prod(answer["shape"])))
    return np.frombuffer(pixels, dtype=np.uint8).reshape(answer["shape"])


def work() -> None:
    """Answer jobs until there are no more."""
    for line in sys.stdin.buffer:
        job = json.loads(line)
        try:
            frames = read_frames(Path(job["path"]), job["moments"], job["resize"])
        except LissomError as error:
            sys.stdout.buffer.write(json.dumps({"error": error.message}).encode() + b"\n")
        else:
            sys.stdout.buffer.write(json.dumps({"shape": frames.shape}).encode() + b"\n")
            sys.stdout.buffer.write(frames.tobytes())
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    work()
