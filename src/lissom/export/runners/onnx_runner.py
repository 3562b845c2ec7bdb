"""Runs ``model.onnx`` with ONNX Runtime on the processor."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "onnxruntime")


class Runner:
    """One ONNX file in an inference session; any batch size, one example at a time where the file fixes it to one."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # from memory, since the runtime cannot open every path that the system can
        model = path.read_bytes()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._names = [item.name for item in self._session.get_inputs()]
        self._single = all(item.shape and item.shape[0] == 1 for item in self._session.get_inputs())

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        return one_at_a_time(self._run, inputs) if self._single and len(inputs[0]) > 1 else self._run(inputs)

    def _run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        outputs = self._session.run(None, dict(zip(self._names, inputs, strict=True)))
        return [np.asarray(output) for output in outputs]
