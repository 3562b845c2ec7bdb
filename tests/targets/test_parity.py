"""An artefact that is not the model is refused, and the layer is named; ties are nobody's decision."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from lissom.core.errors import LissomError
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.parity import check_parity, compare
from lissom.targets.target import FP16, FP32, Artefact
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


MAPS = np.tile(
    np.asarray([1.0, 0.999, 0.5], dtype=np.float32), (4, 1, 2, 1)
)  # which column is the largest means nothing


def test_maps_and_numbers_agree_by_example_where_all_is_near() -> None:
    turned, far = MAPS.copy(), MAPS.copy()
    turned[:, 0, 0, 1] = 1.005
    far[1, 0, 1, 2] = 1.5
    assert compare(MAPS, turned).agreement == 1 and compare(MAPS, far).agreement == 0.75
    assert compare(MAPS, MAPS * np.float32(np.nan)).agreement == 0
    for numbers in (np.asarray([1.0, 2.0]), np.asarray([[1.0], [2.0]]), np.asarray([[[1.0], [2.0]], [[2.0], [1.0]]])):
        wrong = numbers.copy()
        wrong[0] *= 1.5
        assert (compare(numbers, numbers * 1.004).agreement, compare(numbers, wrong).agreement) == (1, 0.5)


def test_an_answer_that_is_no_number_agrees_with_nothing() -> None:
    expected = np.asarray([[1.0, 0.0], [0.0, 1.0]])
    assert compare(expected, np.asarray([[np.nan, 0.0], [0.0, 1.0]])).agreement == 0.5


class Doubled(torch.nn.Module):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * 2


@pytest.mark.parametrize(
    ("precision", "shift", "passes"), [(FP32, 9e-4, True), (FP16, 1.5e-2, True), (FP16, 3e-2, False)]
)
def test_maps_are_checked_by_their_numbers(precision: str, shift: float, passes: bool, tmp_path: Path) -> None:
    """What differs by more than FP32 may, and not by more than FP16 may, is no other decision."""
    inputs = np.tile(np.asarray([0.5, 0.49925, 0.2], dtype=np.float32), (2, 1, 3, 1))

    class Shifted(OnnxRuntime):
        def load(self, path: Path, *, threads: int) -> Any:
            turned = inputs * 2 + np.float32(shift) * np.asarray([-1, 1, 0], dtype=np.float32)
            return SimpleNamespace(run=lambda given: [turned])

        def values(self, path: Path, inputs: Any) -> dict[str, Any]:
            return {}

    artefact = Artefact(tmp_path / "model.onnx", precision)
    if passes:
        assert check_parity(Doubled(), Shifted(), artefact, [inputs]).agreement == 1
    else:
        with pytest.raises(LissomError, match="differs from PyTorch"):
            check_parity(Doubled(), Shifted(), artefact, [inputs])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.zeros((2, 3), dtype=np.float32), r"answers in the shape \(2, 3\), PyTorch in \(2, 4\)"),
        (np.asarray([[np.nan, 0, 0, np.inf], [0, 0, 0, 0]], dtype=np.float32), "are not finite, 2 of 8"),
    ],
)
def test_what_cannot_be_compared_is_said_as_it_is(answer: np.ndarray, said: str, tmp_path: Path) -> None:
    class Odd(OnnxRuntime):
        def load(self, path: Path, *, threads: int) -> Any:
            return SimpleNamespace(run=lambda given: [answer])

        def values(self, path: Path, inputs: Any) -> dict[str, Any]:
            return {}

    with pytest.raises(LissomError, match=said):
        check_parity(Doubled(), Odd(), Artefact(tmp_path / "model.onnx", FP32), [np.ones((2, 4), dtype=np.float32)])
