"""Running ONNX graphs that are in memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime

from lissom.targets.target import Inputs


def session(model: onnx.ModelProto, *, threads: int = 0, plain: bool = False) -> onnxruntime.InferenceSession:
    """A session of a graph; ``plain`` leaves every value of the graph as it is written."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads:
        options.intra_op_num_threads = threads
    if plain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def feeds(model: onnx.ModelProto, batches: Inputs, at_once: int) -> Iterator[dict[str, np.ndarray]]:
    """Inputs by name, a few examples at a time, since every value on the way is kept; one where the graph wants one."""
    known = {item.name for item in model.graph.initializer}
    given = [item for item in model.graph.input if item.name not in known]
    names = [item.name for item in given]
    fixed = max(item.type.tensor_type.shape.dim[0].dim_value for item in given)
    at_once = fixed or at_once
    for batch in batches:
        for start in range(0, len(batch[0]), at_once):
            yield {name: array[start : start + at_once] for name, array in zip(names, batch, strict=True)}


def outputs(model: onnx.ModelProto, batches: Inputs, at_once: int = 16) -> np.ndarray:
    """The first output for all examples."""
    running = session(model)
    found: list[Any] = [running.run(None, feed)[0] for feed in feeds(model, batches, at_once)]
    return np.concatenate(found)


def run(running: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All outputs by name."""
    names: Sequence[str] = [item.name for item in running.get_outputs()]
    found: list[Any] = list(running.run(None, feed))
    return dict(zip(names, found, strict=True))
