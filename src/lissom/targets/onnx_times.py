"""What each layer of an ONNX file takes in ONNX Runtime, from the runtime's own profiler."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from lissom.core.timing import BURST, WARM_UP, interleaved

_KERNEL = "_kernel_time"


def layer_times(
    path: Path, inputs: Sequence[np.ndarray], *, threads: int, seconds: float, between: Callable[[], object]
) -> dict[str, float]:
    """Milliseconds by layer, a layer being named by its weight.

    Kernels without a weight count to the layer whose output they read first; what belongs to none is under ``""``.

    Args:
        path: the file.
        inputs: what to run it on.
        threads: how many to run it with.
        seconds: how long to run it, in all.
        between: is called in turn with it, so that its weights are as cold as they are when it is compared.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        feed = dict(zip((item.name for item in session.get_inputs()), inputs, strict=True))
        interleaved({"between": between, "profiled": lambda: session.run(None, feed)}, seconds=seconds)
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    owner = _owners(onnx.load(path).graph)
    found: dict[str, float] = defaultdict(float)
    for kernel, spent_ms in _kernels(events).items():
        found[owner(kernel)] += spent_ms
    return dict(found)


def _kernels(events: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What a run of each kernel usually takes: the mean of the middle half, since the profiler counts whole µs."""
    spent: dict[str, list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            spent[event["name"].removesuffix(_KERNEL)].append(event["dur"] / 1e3)
    return {kernel: _middle(timings) for kernel, timings in spent.items()}


def _middle(timings: Sequence[float]) -> float:
    kept = [ms for number, ms in enumerate(timings[WARM_UP:]) if number % (BURST + 1)] or list(timings)
    ordered = sorted(kept)
    quarter = len(ordered) // 4
    return float(np.mean(ordered[quarter : len(ordered) - quarter]))


def _owners(graph: onnx.GraphProto) -> Callable[[str], str]:
    """Which weight a kernel belongs to. A fused kernel is called after a node or a value, with something added."""
    weights = {item.name for item in graph.initializer if len(item.dims) > 1}
    nodes = {name: node for node in graph.node for name in (node.name, *node.output) if name}

    def owner(kernel: str) -> str:
        while kernel not in nodes and "_" in kernel:
            kernel = kernel.rpartition("_")[0]
        node = nodes.get(kernel)
        while node is not None:
            own = [name for name in node.input if name in weights]
            if own:
                return own[0]
            node = nodes.get(node.input[0]) if node.input else None
        return ""

    return owner
