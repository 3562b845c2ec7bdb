"""Every target keeps to the contract; no target of the table is left out."""

import pytest

from lissom.targets import TARGETS
from lissom.testing import TargetContract


class TestOnnxRuntime(TargetContract):
    name = "onnxruntime"


class TestOpenVino(TargetContract):
    name = "openvino"


class TestPyTorch(TargetContract):
    name = "pytorch"


@pytest.mark.slow
class TestInductor(TargetContract):
    name = "inductor"


@pytest.mark.slow
class TestExecuTorch(TargetContract):
    name = "executorch"


class TestLiteRt(TargetContract):
    name = "litert"


class TestNcnn(TargetContract):
    name = "ncnn"


def test_every_target_is_tried() -> None:
    assert {cls.name for cls in TargetContract.__subclasses__()} >= set(TARGETS)
