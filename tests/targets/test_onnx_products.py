"""Convolutions as products compute the same."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnxruntime import InferenceSession

from lissom.targets.onnx_products import convolutions_as_products

SHAPES = [(3, 1, 1, True), (3, 2, 1, True), (10, 5, 0, False), (1, 1, 0, True), (4, 3, 2, False)]


def model(weight: np.ndarray, bias: bool, **told: Any) -> onnx.ModelProto:
    """A convolution of eleven channels' sound of any length."""
    values = {"weight": weight, **({"bias": np.arange(len(weight), dtype=np.float32)} if bias else {})}
    node = helper.make_node("Conv", ["x", *values], ["y"], **told)
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", None, "times"])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", len(weight), None])
    constants = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph([node], "graph", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def answer(made: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return np.asarray(InferenceSession(made.SerializeToString()).run(None, {"x": x})[0])


@pytest.mark.parametrize(("kernel", "stride", "pad", "bias"), SHAPES)
def test_the_same_numbers_at_any_length(kernel: int, stride: int, pad: int, bias: bool) -> None:
    draw = np.random.default_rng(0)
    made = model(draw.normal(size=(5, 11, kernel)).astype(np.float32), bias, strides=[stride], pads=[pad, pad])
    sounds = [draw.normal(size=(2, 11, length)).astype(np.float32) for length in range(20, 28)]
    expected = [answer(made, sound) for sound in sounds]
    assert convolutions_as_products(made) == 1
    onnx.checker.check_model(made)
    assert "Conv" not in [node.op_type for node in made.graph.node]
    for sound, wanted in zip(sounds, expected, strict=True):
        np.testing.assert_allclose(answer(made, sound), wanted, rtol=1e-4, atol=1e-4)


def test_groups_and_dilations_stay() -> None:
    assert convolutions_as_products(model(np.zeros((6, 1, 3), np.float32), False, group=6)) == 0
    assert convolutions_as_products(model(np.zeros((6, 2, 3), np.float32), False, dilations=[2])) == 0
