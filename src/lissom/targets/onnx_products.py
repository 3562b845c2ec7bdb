"""Convolutions over time as matrix products, which ONNX Runtime computes in 8 bits with ranges of the input at hand."""

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

_TURNED = [0, 2, 1]  # (batch, channels, times) to (batch, times, channels) and back


def convolutions_as_products(model: onnx.ModelProto) -> int:
    """Put a product in the place of each convolution with one dimension and one group, in place.

    What each place of the output reads is laid out in a row, ``(batch, times, kernel x channels)`` (Chellapilla, Puri
    and Simard 2006, section 3).

    Returns:
        How many were replaced.
    """
    graph = model.graph
    held = {item.name: item for item in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    count = 0
    for node in graph.node:
        weight = held.get(node.input[1]) if node.op_type == "Conv" else None
        told: dict[str, Any] = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if weight is None or not _is_plain(numpy_helper.to_array(weight), told):
            nodes.append(node)
            continue
        made, values = _product(node, numpy_helper.to_array(weight), told, f"product_{count}")
        nodes.extend(made)
        graph.initializer.extend(values)
        count += 1
    del graph.node[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    for item in [item for name, item in held.items() if name not in read]:
        graph.initializer.remove(item)
    return count


def _is_plain(weight: np.ndarray, told: dict[str, Any]) -> bool:
    one = told.get("group", 1) == 1 and set(told.get("dilations", [1])) == {1}
    return weight.ndim == 3 and one and told.get("auto_pad", b"NOTSET") == b"NOTSET"


def _product(
    node: onnx.NodeProto, weight: np.ndarray, told: dict[str, Any], name: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """The nodes and constants that compute what a convolution does."""
    outputs, channels, kernel = weight.shape
    stride, (before, after) = told.get("strides", [1])[0], told.get("pads", [0, 0])
    constants: dict[str, np.ndarray] = {
        "weight": np.ascontiguousarray(weight.transpose(2, 1, 0).reshape(kernel * channels, outputs)),
        "pads": np.asarray([0, before, 0, 0, after, 0], dtype=np.int64),
        "axis": np.asarray([1], dtype=np.int64),
        "stride": np.asarray([stride], dtype=np.int64),
    }
    nodes = [
        helper.make_node("Transpose", [node.input[0]], [f"{name}_turned"], perm=_TURNED),
        helper.make_node("Pad", [f"{name}_turned", f"{name}_pads"], [f"{name}_padded"]),
    ]
    for place in range(kernel):
        # the last place that is read: behind it the kernel's other taps still lie within the padded sound
        constants[f"start_{place}"] = np.asarray([place], dtype=np.int64)
        constants[f"end_{place}"] = np.asarray([place - kernel + 1 or np.iinfo(np.int64).max], dtype=np.int64)
        bounds = [f"{name}_{part}" for part in (f"start_{place}", f"end_{place}", "axis", "stride")]
        nodes.append(helper.make_node("Slice", [f"{name}_padded", *bounds], [f"{name}_read_{place}"]))
    read = [f"{name}_read_{place}" for place in range(kernel)]
    nodes.append(helper.make_node("Concat", read, [f"{name}_rows"], axis=2))
    nodes.append(helper.make_node("MatMul", [f"{name}_rows", f"{name}_weight"], [f"{name}_sums"]))
    last = f"{name}_sums"
    if len(node.input) > 2:
        nodes.append(helper.make_node("Add", [last, node.input[2]], [f"{name}_shifted"]))
        last = f"{name}_shifted"
    nodes.append(helper.make_node("Transpose", [last], list(node.output), perm=_TURNED))
    return nodes, [numpy_helper.from_array(value, f"{name}_{part}") for part, value in constants.items()]
