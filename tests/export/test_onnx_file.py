"""The exported file: a free batch size, nothing that the runtime does not need, and words for what cannot be."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.export.onnx_file import OPSET, export_onnx
from lissom.export.runners.onnx_runner import Runner as Session
from lissom.testing import fresh_net, tiny_workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    assert export_onnx(fresh_net(), tiny_workload().example, path) == ()
    return path


def test_nothing_of_the_exporter_is_left(exported: Path) -> None:
    model = onnx.load(exported)
    graph = model.graph
    assert not model.metadata_props and not graph.metadata_props and not graph.value_info and not model.doc_string
    assert not any(node.metadata_props or node.doc_string for node in graph.node)
    values = (*graph.input, *graph.output, *graph.initializer)
    assert not any(value.metadata_props or value.doc_string for value in values)
    content = exported.read_bytes()
    for trace in (b".py", b"torch.", b"site-packages", b"pkg."):
        assert trace not in content, trace


def test_the_file_is_hardly_larger_than_its_weights(exported: Path) -> None:
    weights = sum(p.numel() for p in fresh_net().parameters()) * 4
    assert exported.stat().st_size < weights + 6000


def test_the_batch_is_free_and_names_are_plain(exported: Path) -> None:
    model = onnx.load(exported)
    (given,), (answer,) = model.graph.input, model.graph.output
    assert (given.name, answer.name) == ("input", "output")
    assert given.type.tensor_type.shape.dim[0].dim_param and answer.type.tensor_type.shape.dim[0].dim_param
    assert [dim.dim_value for dim in given.type.tensor_type.shape.dim][1:] == [3, 8, 8]
    assert model.opset_import[0].version == OPSET
    onnx.checker.check_model(model, full_check=True)


def test_the_mode_of_the_model_is_restored(tmp_path: Path) -> None:
    for training in (True, False):
        model = fresh_net().train(training)
        export_onnx(model, tiny_workload().example, tmp_path / "x.onnx")
        assert model.training is training


def test_dropout_is_off_in_the_file(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Dropout(0.9), nn.Linear(192, 4)).train()
    export_onnx(model, tiny_workload().example, tmp_path / "x.onnx")
    batch = tiny_workload().splits.test.take([0, 1, 2]).inputs[0]
    with torch.no_grad():
        expected = model.eval()(batch).numpy()
    assert np.allclose(Session(tmp_path / "x.onnx", 1).run([batch.numpy()])[0], expected, atol=1e-5)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 4)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.mix(torch.cat([left, right], 1))


def test_several_inputs_share_the_free_batch(tmp_path: Path) -> None:
    model = TwoInputs().eval()
    export_onnx(model, (torch.zeros(1, 5), torch.zeros(1, 3)), tmp_path / "x.onnx")
    left, right = torch.randn(6, 5), torch.randn(6, 3)
    with torch.no_grad():
        expected = model(left, right).numpy()
    found = Session(tmp_path / "x.onnx", 1).run([left.numpy(), right.numpy()])[0]
    assert np.allclose(found, expected, atol=1e-5)


class OneAtATime(nn.Module):
    """A model that only takes a batch of one."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(192, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.reshape(1, 192))


def test_a_batch_that_had_to_be_fixed_is_remarked_on(tmp_path: Path) -> None:
    notes = export_onnx(OneAtATime().eval(), (torch.randn(1, 3, 8, 8),), tmp_path / "x.onnx")
    assert len(notes) == 1 and notes[0].startswith("the batch size is fixed to 1")
    assert Session(tmp_path / "x.onnx", 1).run([np.zeros((1, 3, 8, 8), np.float32)])[0].shape == (1, 4)


class DependsOnValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :4] if x.sum() > 0 else -x.flatten(1)[:, :4]


def test_a_model_that_cannot_be_exported_is_explained(tmp_path: Path) -> None:
    model = DependsOnValues().train()
    with pytest.raises(LissomError, match="cannot be exported to ONNX") as caught:
        export_onnx(model, (torch.randn(1, 3, 8, 8),), tmp_path / "x.onnx")
    assert len(str(caught.value).splitlines()) <= 4
    assert list(tmp_path.iterdir()) == [] and model.training


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "with_name", lambda self, name: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    with pytest.raises(LissomError, match="the disk is full"):
        export_onnx(fresh_net(), tiny_workload().example, path)
    assert path.read_bytes() == b"old"


def test_exporting_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    export_onnx(fresh_net(), tiny_workload().example, tmp_path / "x.onnx")
    assert capfd.readouterr() == ("", "")
