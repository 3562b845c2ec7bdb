"""An artefact that is not the model is refused, and the layer is named; ties are nobody's decision."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from lissom.core.errors import LissomError
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.parity import check_parity, compare
from lissom.testing import tiny_workload


@pytest.mark.parametrize(("number", "layer"), [(0, "features.0"), (1, "features.3"), (2, "features.6")])
def test_one_altered_weight_is_refused_and_its_layer_named(number: int, layer: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    workload, target = tiny_workload(), OnnxRuntime()
    artefact = target.export(workload.module, workload.example, tmp_path / "model.onnx")
    inputs = [workload.splits.test.take(range(8)).inputs[0].numpy()]
    check_parity(workload.module, target, artefact, inputs)
    model = onnx.load(artefact.path)
    convolution = [node for node in model.graph.node if node.op_type == "Conv"][number]
    weight = next(item for item in model.graph.initializer if item.name == convolution.input[1])
    values = numpy_helper.to_array(weight).copy()
    values[3, 1, 1, 1] += 3.0
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, artefact.path)
    with pytest.raises(LissomError, match=f"the first layer that differs is {layer}"):
        check_parity(workload.module, target, artefact, inputs)


def test_outputs_that_are_no_numbers_or_of_another_shape_are_far_away() -> None:
    expected = np.eye(4, dtype=np.float32)
    assert compare(expected, np.full_like(expected, np.nan)).distance == float("inf")
    assert compare(expected, expected[:, :3]).agreement == 0
    assert compare(expected, expected).distance == 0


def test_a_tie_of_the_model_is_nobodys_decision() -> None:
    expected = np.asarray([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    found = np.asarray([[0.9, 1.0, 0.0], [0.0, 1.0, 0.0]])
    assert compare(expected, found).agreement == 0.5
