"""Runs ``model.pte`` with ExecuTorch. Its Python runtime needs torch; on a phone its C++ runtime does not."""

import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from lissom.export.runners.singly import one_at_a_time

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # each of its parts says that it is experimental
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

REQUIREMENTS = ("numpy", "torch", "executorch")


class Runner:
    """One program; it takes one example at a time.

    All programs of a process share one pool of threads. One that finds the pool changed is loaded anew, since it
    still knows the old one.
    """

    _changes: ClassVar[int] = 0

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._content, self._threads, self._seen = path.read_bytes(), threads, -1
        refuse_damaged(path.name, self._content)
        self._program: Any = None
        self._forward: Any = None
        self._ready()

    def _ready(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if portable_lib._threadpool_get_thread_count() != self._threads:
                portable_lib._unsafe_reset_threadpool(self._threads)
                Runner._changes += 1
            if self._seen != Runner._changes:
                # the program reads its weights out of the content, which has to stay
                self._program = Runtime.get().load_program(self._content)
                self._forward, self._seen = self._program.load_method("forward"), Runner._changes

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        self._ready()
        return one_at_a_time(self._one, inputs)

    def _one(self, example: Sequence[np.ndarray]) -> list[np.ndarray]:
        outputs = self._forward.execute([torch.from_numpy(np.ascontiguousarray(array)) for array in example])
        return [output.numpy().copy() for output in outputs]


def refuse_damaged(name: str, content: bytes) -> None:
    """Say what the runtime would abort the process for: no program, or one that is cut off."""
    if content[4:6] != b"ET" or content[8:10] != b"eh":
        raise ValueError(f"{name} is not a program of ExecuTorch")
    program, segments, data = struct.unpack("<QQQ", content[16:40])
    if len(content) < max(program, segments + data):
        raise ValueError(f"{name} is cut off")
