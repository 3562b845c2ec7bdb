"""Looking into an ONNX file: the values on the way, and what ONNX Runtime makes of its operators."""

import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

FLOAT = onnx.TensorProto.FLOAT
_PRODUCTS = ("MatMul", "Gemm", "Conv", "Attention", "LSTM", "GRU", "RNN", "Einsum")  # in the names of operators
_IN_8_BITS = ("QGemm", "QAttention", "QMoE")
# in an optimised INT8 graph these are the borders between number formats, or move numbers without computing
_FREE = frozenset(
    ("QuantizeLinear", "DequantizeLinear", "Reshape", "Flatten", "Transpose", "Concat", "Split", "Slice", "Gather",
     "Squeeze", "Unsqueeze", "Shape", "Cast", "Identity", "Constant", "Expand", "Pad", "ReorderInput",
     "ReorderOutput", "MaxPool")
)  # fmt: skip


def inner_values(path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Every floating-point value of the graph for these inputs, in the order in which they are computed."""
    model = onnx.load(path)
    known = {item.name for item in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = dict(zip((item.name for item in session.get_inputs()), inputs, strict=True))
    outputs: list[Any] = list(session.run(None, feed))
    found = dict(zip((item.name for item in session.get_outputs()), outputs, strict=True))
    return {name: found[name] for name in names if np.issubdtype(found[name].dtype, np.floating)}


def float_operators(path: Path) -> dict[str, int]:
    """Operators that an INT8 file computes in float, after the runtime has optimised it, with how often.

    Where activations are scaled anew for each input, only products with weights are meant to be in 8 bits: of such a
    file those are told that are not, and nothing of what lies between them.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(Path(folder) / "optimised.onnx")
        onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        graph = onnx.load(options.optimized_model_filepath).graph
    dynamic = any(node.op_type.startswith("DynamicQuantize") for node in graph.node)
    weights = {item.name for item in graph.initializer if item.data_type == FLOAT and len(item.dims) > 1}
    kinds = Counter(node.op_type for node in graph.node if not dynamic or _is_product_with(weights, node))
    return {kind: count for kind, count in sorted(kinds.items()) if kind not in _FREE and not _is_integer(kind)}


def _is_product_with(weights: Collection[str], node: onnx.NodeProto) -> bool:
    return any(word in node.op_type for word in _PRODUCTS) and any(name in weights for name in node.input)


def _is_integer(kind: str) -> bool:
    return kind.startswith(("QLinear", "DynamicQuantize", "QEmbed")) or "Integer" in kind or kind in _IN_8_BITS
