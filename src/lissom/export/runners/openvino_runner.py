"""Runs ``model.xml`` with its ``model.bin`` in OpenVINO on the processor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino

from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "openvino")


class Runner:
    """One network; compiled for each shape of input that it meets, since fixed shapes are the fast ones.

    One whose batch is fixed to one is given one example at a time.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._core = openvino.Core()
        self._path, self._threads = path, threads
        self._requests: dict[tuple[tuple[int, ...], ...], Any] = {}
        shapes = [item.get_partial_shape() for item in self._model().inputs]
        self._single = all(len(shape) > 0 and shape[0] == 1 for shape in shapes)

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
        return one_at_a_time(self._run, inputs) if self._single and len(inputs[0]) > 1 else self._run(inputs)

    def _run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = self._request(inputs).infer(list(inputs), share_inputs=True)
        return list(found.values())
