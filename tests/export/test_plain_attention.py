"""Attention in two products: the same as PyTorch's own, and given to models of transformers alone."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("transformers")

from lissom.export.pair_files import decoder_of
from lissom.export.plain_attention import attend, attend_plainly
from lissom.export.runners.pair_runner import Runner
from lissom.export.sequence_pair import export_pair
from lissom.testing.tiny_recognition import tiny_whisper
from lissom.testing.tiny_translators import END, tiny_translator

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
        assert attend_plainly(model)
        after = model(**inputs).logits
    assert model.config._attn_implementation == "lissom_plain"
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-5)
    assert not attend_plainly(nn.Linear(2, 2)), "no model of transformers"


def test_a_step_works_out_no_mask_and_turns_no_keys_around(tmp_path: Path) -> None:
    export_pair(tiny_translator("mbart"), tmp_path / "made.onnx", END)
    step = onnx.load(decoder_of(tmp_path / "made.onnx"))
    kinds = {node.op_type for node in step.graph.node}
    assert not {"Where", "IsNaN", "Range", "Expand", "GatherND"} & kinds
    turned = [node.input[0] for node in step.graph.node if node.op_type == "Reshape"]
    assert not [name for name in turned if name.startswith(("cross_", "past_", "present_"))]


@pytest.mark.parametrize("kind", ["LongT5", "PegasusX", "Mvp", "UMT5"])
def test_models_with_ways_of_their_own_say_what_they_said(kind: str, tmp_path: Path) -> None:
    model = of_its_own(kind)
    tokens = np.random.default_rng(0).integers(4, 59, (3, 9))
    mask = (np.arange(9) < np.asarray([[9], [5], [1]])).astype(np.int64)
    said = np.random.default_rng(1).integers(4, 59, (3, 4))
    with torch.no_grad():
        told = {"input_ids": tokens, "attention_mask": mask, "decoder_input_ids": said}
        expected = model(**{name: torch.from_numpy(value) for name, value in told.items()}).logits.numpy()
    export_pair(model, tmp_path / "made.onnx", END)
    decoding = Runner(tmp_path / "made.onnx").start([tokens, mask])
    found = np.stack([decoding.next(said[:, place]) for place in range(said.shape[1])], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def of_its_own(kind: str) -> Any:
    """A small model of transformers with random weights."""
    import transformers

    ends: dict[str, Any] = {"vocab_size": 60, "d_model": 16, "pad_token_id": 1, "eos_token_id": END}
    layers: dict[str, Any] = {"encoder_layers": 1, "decoder_layers": 1, "init_std": 0.5}
    heads: dict[str, Any] = {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    inner: dict[str, Any] = {"encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "max_position_embeddings": 64}
    sizes: dict[str, Any] = {
        "LongT5": {"d_kv": 4, "d_ff": 24, "num_layers": 1, "num_heads": 4, "local_radius": 3},
        "PegasusX": {**layers, **heads, **inner, "block_size": 4, "num_global_tokens": 2},
        "Mvp": {**layers, **heads, **inner},
        "UMT5": {"d_kv": 4, "d_ff": 24, "num_layers": 1, "num_heads": 4},
    }[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**ends, **sizes, decoder_start_token_id=END)
        return getattr(transformers, f"{kind}ForConditionalGeneration")(config).eval()
