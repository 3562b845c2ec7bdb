"""Attention in two products: the same as PyTorch's own, and given to models of transformers alone."""

from pathlib import Path

import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("transformers")

from lissom.export.pair_files import decoder_of
from lissom.export.plain_attention import attend, attend_plainly
from lissom.testing.tiny_recognition import exported_whisper, tiny_whisper

QUERY = torch.randn(2, 3, 4, 8, generator=torch.Generator().manual_seed(0))
KEY = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(1))
VALUE = torch.randn(2, 3, 6, 8, generator=torch.Generator().manual_seed(2))
MASK = torch.zeros(2, 1, 1, 6).masked_fill(torch.tensor([6, 2])[:, None, None, None] <= torch.arange(6), -1e30)
BIAS = torch.linspace(-2, 2, 3 * 4 * 6).reshape(1, 3, 4, 6)


@pytest.mark.parametrize(("mask", "bias"), [(None, None), (MASK, None), (None, BIAS), (MASK, BIAS)])
@pytest.mark.parametrize("scaling", [None, 1.0])
def test_it_is_what_pytorch_computes(
    mask: torch.Tensor | None, bias: torch.Tensor | None, scaling: float | None
) -> None:
    added = [part for part in (mask, bias) if part is not None]
    told = sum(added[1:], added[0]) if added else None
    expected = functional.scaled_dot_product_attention(QUERY, KEY, VALUE, attn_mask=told, scale=scaling)
    found, weights = attend(nn.Identity(), QUERY, KEY, VALUE, mask, scaling, bias, dropout=0.0)
    assert weights is None and found.shape == (2, 4, 3, 8)
    torch.testing.assert_close(found, expected.transpose(1, 2))


def test_what_is_masked_counts_for_nothing() -> None:
    found = [attend(nn.Identity(), QUERY, KEY, value, MASK)[0] for value in (VALUE, VALUE + (MASK.mT < 0) * 100.0)]
    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_a_model_attends_so_and_says_the_same() -> None:
    model = tiny_whisper()
    inputs = {"input_features": torch.randn(2, 8, 40), "decoder_input_ids": torch.tensor([[57], [58]])}
    with torch.no_grad():
        before = model(**inputs).logits
        attend_plainly(model)
        after = model(**inputs).logits
    assert model.config._attn_implementation == "lissom_plain"
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)
    attend_plainly(nn.Linear(2, 2))  # no model of transformers: nothing to be set


def test_a_step_makes_no_mask_and_turns_no_keys_around() -> None:
    _, path = exported_whisper()
    step = onnx.load(decoder_of(Path(path)))
    kinds = [node.op_type for node in step.graph.node]
    assert not {"Where", "IsNaN", "Range", "Expand"} & set(kinds)
    turned = [node.input[0] for node in step.graph.node if node.op_type == "Reshape"]
    assert not [name for name in turned if name.startswith(("cross_", "past_", "present_"))]
