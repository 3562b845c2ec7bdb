"""Runs ``model.pt2``, a program of torch.export, in PyTorch as it is."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

REQUIREMENTS = ("numpy", "torch")


class Runner:
    """One exported program; any batch size."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        torch.set_num_threads(threads)
        refuse_code(path)
        self._module = torch.export.load(path).module()

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        with torch.inference_mode():
            found = self._module(*(torch.from_numpy(np.ascontiguousarray(array)) for array in inputs))
        outputs = found if isinstance(found, (tuple, list)) else (found,)
        return [output.numpy() for output in outputs]


def refuse_code(path: Path) -> None:
    """Let nothing through that loading would unpickle freely: tensors may be pickled, objects may not."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            folder, _, file = name.rpartition("/")
            if folder.endswith("data/constants") and not file.startswith(("tensor_", "model_")):
                raise ValueError(f"{path.name} holds an object that is not a tensor: {file}")
            content = archive.read(name) if file.endswith(".pt") else b""
            if content:
                torch.load(io.BytesIO(content), weights_only=True)
