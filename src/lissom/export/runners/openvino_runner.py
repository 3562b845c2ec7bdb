"""Runs ``model.xml`` with its ``model.bin`` in OpenVINO on the processor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

REQUIREMENTS = ("numpy", "openvino")


class Runner:
    """One network; compiled for each shape of input that it meets, since fixed shapes are the fast ones."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._core = openvino.Core()
        self._path, self._threads = path, threads
        self._requests: dict[tuple[tuple[int, ...], ...], Any] = {}
        self._model()

    def _model(self) -> Any:
        return self._core.read_model(self._path, self._path.with_suffix(".bin"))

    def _request(self, inputs: Sequence[np.ndarray]) -> Any:
        shapes = tuple(array.shape for array in inputs)
        if shapes not in self._requests:
            model = self._model()
            model.reshape(dict(zip(model.inputs, shapes, strict=True)))
            options = {"INFERENCE_NUM_THREADS": self._threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
            self._requests[shapes] = self._core.compile_model(model, "CPU", options).create_infer_request()
        return self._requests[shapes]

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        found = self._request(inputs).infer(list(inputs), share_inputs=True)
        return list(found.values())
