"""Runs ``model.pt2``, compiled to native code by PyTorch's inductor for the processor it was made on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

REQUIREMENTS = ("numpy", "torch")


class Runner:
    """One compiled program; any batch size."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is missing")
        self._call = torch._inductor.aoti_load_package(str(path))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        with torch.inference_mode():
            found = self._call(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
        outputs = found if isinstance(found, (tuple, list)) else (found,)
        return [output.numpy() for output in outputs]
