"""A model of texts as an artefact: any number of texts of any length, padding that changes nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")

from lissom.export.onnx_file import export_onnx
from lissom.layers.text_model import TextModel
from lissom.testing.tiny_texts import ENCODING, fresh_bert, tiny_text_workload


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def session(path: Path):
    import onnxruntime

    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


@torch.no_grad()
def test_batch_and_length_are_free_and_padding_changes_nothing(tmp_path: Path) -> None:
    workload = tiny_text_workload()
    assert export_onnx(workload.module, workload.example, tmp_path / "model.onnx") == ()
    artefact, split = session(tmp_path / "model.onnx"), workload.splits.test
    together = split.even().take(range(20)).inputs[0]
    expected = workload.module(together).numpy()
    found = artefact.run(None, {"input": together.numpy()})[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    lengths = set()
    for row in range(20):
        alone = split.take([row]).inputs[0].numpy()
        lengths.add(alone.shape[1])
        np.testing.assert_allclose(artefact.run(None, {"input": alone})[0][0], expected[row], atol=1e-5)
    assert len(lengths) > 4


@torch.no_grad()
def test_pairs_have_two_inputs_of_the_same_free_length(tmp_path: Path) -> None:
    model = TextModel(fresh_bert(), ENCODING.pad).eval()
    tokens = torch.tensor([[2, 6, 7, 3, 8, 9, 3]])
    types = torch.tensor([[0, 0, 0, 0, 1, 1, 1]])
    assert export_onnx(model, (tokens, types), tmp_path / "model.onnx") == ()
    artefact = session(tmp_path / "model.onnx")
    for first, second in ((tokens, types), (tokens[:, :4], types[:, :4]), (tokens.repeat(3, 1), types.repeat(3, 1))):
        found = artefact.run(None, {"input_0": first.numpy(), "input_1": second.numpy()})[0]
        np.testing.assert_allclose(found, model(first, second).numpy(), atol=1e-5)
    assert not torch.allclose(model(tokens, types), model(tokens, torch.zeros_like(types)), atol=1e-5)
