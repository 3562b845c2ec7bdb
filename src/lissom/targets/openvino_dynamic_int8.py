"""Dynamic INT8 for models of texts on OpenVINO: weights in 8 bits, activations scaled anew for each input."""

from typing import Any

import numpy as np

_MOST = 127.0


def to_dynamic_int8(model: Any) -> int:
    """Store weights of products and tables of embeddings in 8 bits, in place, with a scale for each row or column.

    OpenVINO's plugin for processors takes products with such weights as a sign to round activations too, in groups of
    32 (its property ``DYNAMIC_QUANTIZATION_GROUP_SIZE``). What is left in float: all else.

    Args:
        model: an ``openvino.Model`` in FP32.

    Returns:
        How many weights were stored so.
    """
    count = 0
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "MatMul" and _is_matrix(node.input_value(1)):
            _round_weights(node)
            count += 1
        elif kind == "Gather" and _is_table(node):
            _round_table(node)
            count += 1
    return count


def is_dynamic_int8(model: Any) -> bool:
    """Whether a model has products with weights that :func:`to_dynamic_int8` stored."""
    products = (node for node in model.get_ordered_ops() if node.get_type_name() == "MatMul")
    return any(_types_above(node) == ["Multiply", "Convert", "Constant"] for node in products)


def _types_above(product: Any) -> list[str]:
    found: list[str] = []
    node = product.input_value(1).get_node()
    while len(found) < 3:
        found.append(node.get_type_name())
        if not node.inputs():
            break
        node = node.input_value(0).get_node()
    return found


def _is_matrix(value: Any) -> bool:
    node = value.get_node()
    return node.get_type_name() == "Constant" and node.data.ndim == 2 and node.data.dtype == np.float32


def _is_table(node: Any) -> bool:
    axis = node.input_value(2).get_node()
    first = axis.get_type_name() == "Constant" and int(axis.data) == 0
    return first and _is_matrix(node.input_value(0))


def _rounded(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights in 8 bits, and the scale of each row or column."""
    scale = np.abs(weights).max(axis=axis, keepdims=True) / _MOST
    scale = np.where(scale > 0, scale, 1.0).astype(np.float32)
    return np.round(weights / scale).astype(np.int8), scale


def _round_weights(product: Any) -> None:
    from openvino import opset13 as ops

    over = 1 if product.get_attributes()["transpose_b"] else 0
    small, scale = _rounded(product.input_value(1).get_node().data, over)
    value = ops.multiply(ops.convert(ops.constant(small), "f32"), ops.constant(scale))
    product.input(1).replace_source_output(value.output(0))


def _round_table(look_up: Any) -> None:
    from openvino import opset13 as ops

    small, scale = _rounded(look_up.input_value(0).get_node().data, 1)
    readers = look_up.output(0).get_target_inputs()
    rows, axis = look_up.input_value(1), look_up.input_value(2)
    found = ops.convert(ops.gather(ops.constant(small), rows, axis), "f32")
    value = ops.multiply(found, ops.gather(ops.constant(scale), rows, axis))
    for reader in readers:
        reader.replace_source_output(value.output(0))
