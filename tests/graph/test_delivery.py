"""Well-known models from cut to runtime: proven, in the user's class, saved, loaded, trained, exported, equal."""

from collections.abc import Callable
from typing import Any

import onnxruntime
import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

import lissom
from lissom.export.onnx_file import quiet
from lissom.graph import capture, couple, prune, save, verify


class Answer(nn.Module):
    """A transformer that returns its logits alone: what is put out is never cut, and hidden states should be."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        names = {1: ("input_ids",), 2: ("input_features", "decoder_input_ids")}[len(inputs)]
        return self.model(**dict(zip(names, inputs, strict=True))).logits


def bert() -> nn.Module:
    transformers = pytest.importorskip("transformers", reason="the extra text is not installed")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=20, num_labels=3,
    )  # fmt: skip
    return Answer(transformers.BertForSequenceClassification(config))


def whisper() -> nn.Module:
    transformers = pytest.importorskip("transformers", reason="the extra text is not installed")
    config = transformers.WhisperConfig(
        vocab_size=50, num_mel_bins=8, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=32, decoder_ffn_dim=32, max_source_positions=12,
        max_target_positions=10, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=3,
        begin_suppress_tokens=None, use_cache=False,
    )  # fmt: skip
    return Answer(transformers.WhisperForConditionalGeneration(config))


def swin() -> nn.Module:
    from torchvision.models.swin_transformer import SwinTransformer

    return SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], stochastic_depth_prob=0.0, num_classes=3)


def shufflenet() -> nn.Module:
    from torchvision.models import ShuffleNetV2

    return ShuffleNetV2([1, 2, 1], [8, 16, 24, 32, 48], num_classes=3)


def mobilevit() -> nn.Module:
    timm = pytest.importorskip("timm", reason="the extra timm is not installed")
    return timm.create_model("mobilevit_xxs", num_classes=3)


def pictures(size: int) -> tuple[torch.Tensor, ...]:
    return (torch.randn(2, 3, size, size),)


Case = tuple[Callable[[], nn.Module], Callable[[], tuple[torch.Tensor, ...]]]
MODELS: dict[str, Case] = {
    "bert": (bert, lambda: (torch.randint(1, 50, (2, 9)),)),
    "swin-t": (swin, lambda: pictures(32)),
    "shufflenetv2": (shufflenet, lambda: pictures(64)),
    "mobilevit": (mobilevit, lambda: pictures(64)),
    "whisper": (whisper, lambda: (torch.randn(2, 8, 24), torch.randint(1, 50, (2, 5)))),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_pruned_model_is_as_good_as_any_other(name: str, tmp_path: Any, removal: Any, count: Any) -> None:
    build, inputs = MODELS[name]
    model, args = build().eval(), inputs()
    captured = capture(model, args)
    coupling = couple(captured)
    cut = coupling.cut({g: units for g, units in removal(coupling).items() if coupling.groups[g].kind != "head size"})
    pruned = prune(model, cut, capture=captured)
    proof = verify(model, pruned.module, cut, args)
    assert proof.ok, proof
    assert count(pruned.module) < 0.7 * count(model)
    assert pruned.own_class and type(pruned.module) is type(model), pruned.notes

    trained = train(pruned.module, args)
    save(tmp_path / "model.safetensors", cut, trained)
    again = lissom.load(tmp_path / "model.safetensors", build=build).eval()
    with torch.no_grad():
        expected = again(*args)
        assert torch.equal(expected, trained(*args))
    assert relative(run_onnx(again, args, str(tmp_path / "model.onnx")), expected) < 1e-4


def train(model: nn.Module, args: tuple[torch.Tensor, ...]) -> nn.Module:
    """A few steps towards other outputs; the loss has to fall."""
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    losses = []
    for _ in range(8):
        loss = (model.train()(*args) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0], losses
    return model.eval()


def run_onnx(model: nn.Module, args: tuple[torch.Tensor, ...], path: str) -> torch.Tensor:
    with quiet(), torch.no_grad():
        torch.onnx.export(model, args, path, dynamo=True, external_data=False, verbose=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    fed = dict(zip(names, (leaf.numpy() for leaf in pytree.tree_leaves(args)), strict=True))
    return torch.from_numpy(session.run(None, fed)[0])


def relative(one: torch.Tensor, two: torch.Tensor) -> float:
    return float((one - two).abs().max() / two.abs().max())
