"""Whole numbers in 8 or 16 bits: a smaller file that computes the same."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lissom.export.runners.onnx_runner import Runner
from lissom.export.whole_weights import hold_whole_weights


def product(weight: np.ndarray) -> onnx.ModelProto:
    """``read`` times a weight."""
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, size])
        for name, size in zip(("read", "written"), weight.shape, strict=True)
    ]
    node = helper.make_node("MatMul", ["read", "weight"], ["written"])
    graph = helper.make_graph([node], "product", ends[:1], ends[1:], [numpy_helper.from_array(weight, "weight")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@given(seed=st.integers(0, 99), reach=st.sampled_from([1, 127, 128, 129, 32767, 32768, 1 << 20]))
def test_every_weight_stays_what_it_was(seed: int, reach: int) -> None:
    weight = np.random.default_rng(seed).integers(-reach, reach + 1, (8, 16)).astype(np.float32)
    weight[0, 0] = reach
    model = product(weight)
    hold_whole_weights(model)
    onnx.checker.check_model(model, full_check=True)
    (held,) = (numpy_helper.to_array(item) for item in model.graph.initializer)
    np.testing.assert_array_equal(held.astype(np.float32), weight)
    assert held.dtype == (np.int8 if reach < 128 else np.int16 if reach < 1 << 15 else np.float32)


def test_the_file_is_smaller_and_computes_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight, read = rng.integers(-99, 99, (32, 64)).astype(np.float32), rng.normal(size=(3, 32)).astype(np.float32)
    found, sizes = {}, {}
    for whole in (False, True):
        model, path = product(weight), tmp_path / f"{whole}.onnx"
        if whole:
            hold_whole_weights(model)
        onnx.save(model, path)
        found[whole], sizes[whole] = Runner(path, 1).run([read])[0], path.stat().st_size
    np.testing.assert_array_equal(found[True], found[False])
    assert sizes[True] < sizes[False] / 3


@pytest.mark.parametrize("bad", [0.5, 1e12, np.nan, np.inf])
def test_what_is_no_whole_number_is_left_alone(bad: float) -> None:
    weight = np.ones((8, 16), np.float32)
    weight[3, 5] = bad
    model = product(weight)
    hold_whole_weights(model)
    assert [node.op_type for node in model.graph.node] == ["MatMul"]
    np.testing.assert_array_equal(numpy_helper.to_array(model.graph.initializer[0]), weight)
