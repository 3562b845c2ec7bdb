"""Runs ``model.pt2``, a program of torch.export, in PyTorch as it is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils._pytree import tree_leaves

from lissom.export.runners.pt2_safety import refuse_code
from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "torch")


class Runner:
    """One exported program; any batch size, one example at a time where the program fixes it to one.

    Raises:
        ValueError: the archive could run code of its own (see :func:`refuse_code`).
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._threads = threads
        refuse_code(path)
        program = torch.export.load(path)
        self._module, given = program.module(), set(program.graph_signature.user_inputs)
        shapes = [node.meta["val"].shape for node in program.graph.nodes if node.name in given]
        # a free size is no plain number
        self._single = all(len(shape) > 0 and isinstance(shape[0], int) and shape[0] == 1 for shape in shapes)

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        return one_at_a_time(self._run, inputs) if self._single and len(inputs[0]) > 1 else self._run(inputs)

    def _run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        before = torch.get_num_threads()
        torch.set_num_threads(self._threads)  # of the whole process, which may do other things in between
        try:
            with torch.inference_mode():
                found = self._module(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
        finally:
            torch.set_num_threads(before)
        return [leaf.numpy() for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor)]
