"""Artefacts know their size; the memory that one takes is measured in a process of its own."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lissom.core.errors import LissomError
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.target import Artefact


def test_the_size_is_that_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "b").write_bytes(b"123")
    assert Artefact(tmp_path / "a", beside=(tmp_path / "b",)).size_bytes == 8
    assert Artefact(tmp_path / "a").size_bytes == 5


def adding(path: Path, side: int) -> Path:
    """A model with one large weight and large activations."""
    weight = numpy_helper.from_array(np.ones((side, side), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    outer = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, side]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", outer[:1], outer[1:], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), path)
    return path


def test_a_larger_model_and_a_larger_batch_take_more_memory(tmp_path: Path) -> None:
    target = OnnxRuntime()
    small, large = adding(tmp_path / "small.onnx", 64), adding(tmp_path / "large.onnx", 2048)
    one = [np.zeros((1, 2048), np.float32)]
    many = [np.zeros((8192, 2048), np.float32)]
    light = target.peak_memory_bytes(small, [np.zeros((1, 64), np.float32)], threads=1)
    heavy = target.peak_memory_bytes(large, one, threads=1)
    assert heavy > light + 2048 * 2048 * 4 * 0.9
    assert target.peak_memory_bytes(large, many, threads=1) > heavy + 8192 * 2048 * 4 * 0.5


def test_too_few_inputs_are_our_own_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        OnnxRuntime().load(adding(tmp_path / "m.onnx", 8), threads=1).run([])


def test_an_operator_that_the_runtime_lacks_is_explained(tmp_path: Path) -> None:
    outer = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Wobble", ["x"], ["y"], domain="mine")], "g", outer[:1], outer[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("mine", 1)]), tmp_path / "m.onnx")
    with pytest.raises(LissomError, match=r"m\.onnx cannot be loaded by ONNX Runtime") as caught:
        OnnxRuntime().load(tmp_path / "m.onnx", threads=1)
    assert len(str(caught.value).splitlines()) <= 4
