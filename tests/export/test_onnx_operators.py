"""The exporter's table of operators is read once, each export has its own copy, and the exporter is left as it was."""

from pathlib import Path

import pytest
from torch.onnx._internal.exporter import _registration
from torch.onnx._internal.exporter._registration import ONNXRegistry

from lissom.export.onnx_file import export_onnx
from lissom.export.onnx_operators import kept_operators
from lissom.testing import fresh_net, tiny_workload


def test_a_second_export_reads_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, example = fresh_net(), tiny_workload().example
    export_onnx(module, example, tmp_path / "one.onnx")
    apis = _registration.onnxscript_apis
    monkeypatch.setattr(apis, "get_torchlib_ops", lambda: pytest.fail("the table is read again"), raising=False)
    export_onnx(module, example, tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_what_an_export_adds_is_its_own() -> None:
    with kept_operators():
        one = ONNXRegistry().from_torchlib()
        operator, ways = next(iter(one.functions.items()))
        ways.clear()
        one.functions["mine::one"] = []
        other = ONNXRegistry().from_torchlib()
    assert other.functions[operator] and "mine::one" not in other.functions


def test_the_exporter_is_as_it_was() -> None:
    before = vars(ONNXRegistry)["from_torchlib"]
    with pytest.raises(KeyError), kept_operators(), kept_operators():
        assert vars(ONNXRegistry)["from_torchlib"] is not before
        raise KeyError
    assert vars(ONNXRegistry)["from_torchlib"] is before


def test_a_pytorch_that_keeps_it_elsewhere_reads_it_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ONNXRegistry, "from_torchlib")
    with kept_operators():
        assert "from_torchlib" not in vars(ONNXRegistry)
