"""Runs ``model.tflite`` with LiteRT, which hands what it can to XNNPACK."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from lissom.export.runners.numbered import by_number
from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "ai-edge-litert")


class Runner:
    """One LiteRT file; it takes one example at a time."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._interpreter = Interpreter(model_content=path.read_bytes(), num_threads=threads)
        self._interpreter.allocate_tensors()
        self._inputs = sorted(self._interpreter.get_input_details(), key=lambda item: by_number(item["name"]))
        self._outputs = sorted(self._interpreter.get_output_details(), key=lambda item: by_number(item["name"]))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        return one_at_a_time(self._one, inputs)

    def _one(self, example: Sequence[np.ndarray]) -> list[np.ndarray]:
        for detail, array in zip(self._inputs, example, strict=True):
            self._interpreter.set_tensor(detail["index"], array)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]
