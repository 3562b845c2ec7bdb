"""Runs ``model.pt2``, compiled to native code by PyTorch's inductor for the processor it was made on.

Loading it runs what it holds: it has to come from people who are trusted, as any program.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "torch")


class Runner:
    """One compiled program; any batch size, one example at a time where it was compiled for one."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._threads = threads
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is missing")
        self._call = torch._inductor.aoti_load_package(str(path))
        self._single = self._call.get_metadata().get("batch") == "one"

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        return one_at_a_time(self._run, inputs) if self._single and len(inputs[0]) > 1 else self._run(inputs)

    def _run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)  # of the whole process, which may do other things in between
        try:
            with torch.inference_mode():
                found = self._call(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
        finally:
            torch.set_num_threads(before)
        return [leaf.numpy() for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor)]
