"""Runs ``model.param`` with its ``model.bin`` in ncnn on the processor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

from lissom.export.runners.numbered import by_number
from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "ncnn")
_NATIVE: Any = ncnn  # a compiled module, which tells no types


class Runner:
    """One network; it takes one example at a time."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._net = _NATIVE.Net()
        self._net.opt.num_threads = threads
        self._net.opt.use_vulkan_compute = False
        for half in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
            setattr(self._net.opt, half, False)
        for file, load in ((path, self._net.load_param), (path.with_suffix(".bin"), self._net.load_model)):
            if not file.is_file():
                raise FileNotFoundError(f"{file.name} is missing")
            if load(str(file)):
                raise ValueError(f"{file.name} is not a whole ncnn file")
        self._outputs = sorted(self._net.output_names(), key=by_number)

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        return one_at_a_time(self._one, inputs)

    def _one(self, example: Sequence[np.ndarray]) -> list[np.ndarray]:
        extractor = self._net.create_extractor()
        given = [np.ascontiguousarray(array[0]) for array in example]  # read while it extracts, and not kept by ncnn
        for number, array in enumerate(given):
            extractor.input(f"in{number}", _NATIVE.Mat(array))
        return [np.array(extractor.extract(name)[1])[None] for name in self._outputs]
