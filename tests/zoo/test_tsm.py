"""Video classifiers: the streaming form is the clip form, nothing looks ahead, and cuts are proven with both."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lissom import graph
from lissom.core.errors import LissomError
from lissom.export.onnx_file import export_onnx
from lissom.zoo import build
from lissom.zoo.tsm import VideoClassifier, tsm
from lissom.zoo.tsm_layers import Difference, Shifted, TemporalConvolution
from lissom.zoo.tsm_streaming import Streaming

NAMES = ("tsm_rgbdiff_mobilenet_v2", "tsm_squeezenet1_1", "causal_mobilenet_v2")
OTHERS = ("tsm_mobilenet_v2", "tsm_efficientnet_lite0", "causal_squeezenet1_1", "causal_efficientnet_lite0")


def excited(model: nn.Module) -> nn.Module:
    """With norms that have the statistics of some clips: with those of the start, hardly anything of a clip comes
    through to the scores."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(4, 3, 3, 32, 32))
    return model.eval()


def streamed(model: nn.Module, clips: Tensor) -> Tensor:
    streaming = Streaming(model).eval()
    past, scores = streaming.start(*clips.shape[3:], batch=len(clips)), list[Tensor]()
    with torch.no_grad():
        for frame in clips.unbind(2):
            score, *past = streaming(frame, *past)
            scores.append(score)
    return torch.stack(scores).mean(0)


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_the_streaming_form_is_the_clip_form(name: str) -> None:
    torch.manual_seed(0)
    model = excited(build(name, num_classes=5))
    clips = torch.randn(2, 3, 4, 48, 40)
    with torch.no_grad():
        found = model(clips)
    assert found.shape == (2, 5)
    torch.testing.assert_close(streamed(model, clips), found, atol=1e-5, rtol=1e-5)


def tiny(kind: str) -> VideoClassifier:
    layer = Shifted(nn.Conv2d(8, 8, 3, padding=1), 8, 3) if kind == "shift" else TemporalConvolution(8, 8, 4)
    stem = (Difference(), nn.Conv2d(6, 8, 3, stride=2, padding=1))
    layers = nn.Sequential(*stem, layer, nn.ReLU(), Shifted(nn.Conv2d(8, 8, 1), 8, 1))
    return VideoClassifier(layers, 8, 4).eval()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["shift", "convolution"]), st.integers(1, 9), st.integers(1, 3), st.integers(0, 99))
def test_streaming_is_exact_at_every_length(kind: str, frames: int, batch: int, seed: int) -> None:
    torch.manual_seed(seed)
    model, clips = tiny(kind), torch.randn(batch, 3, frames, 7, 10)
    with torch.no_grad():
        torch.testing.assert_close(streamed(model, clips), model(clips), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["shift", "convolution"])
def test_nothing_looks_ahead_and_the_order_of_frames_counts(kind: str) -> None:
    torch.manual_seed(0)
    layers = tiny(kind).layers
    maps = torch.randn(6, 8, 5, 5)
    changed = maps.clone()
    changed[4:] = 0
    with torch.no_grad():
        one, two, turned = layers[2](maps, 6), layers[2](changed, 6), layers[2](maps.flip(0), 6)
    assert torch.equal(one[:4], two[:4]) and not torch.equal(one[4:], two[4:])
    assert not torch.allclose(one, turned.flip(0))


def test_a_frame_stands_beside_its_difference_from_the_one_before() -> None:
    clips = torch.arange(12.0).square().view(6, 2, 1, 1)  # two clips of three frames of two channels
    found = Difference(1.0)(clips, 3)
    assert found[:, :, 0, 0].tolist() == [
        [0, 1, 0, 1], [4, 9, 4, 8], [16, 25, 12, 16],
        [36, 49, 36, 49], [64, 81, 28, 32], [100, 121, 36, 40],
    ]  # fmt: skip


def test_the_stem_reads_the_difference_and_starts_as_the_backbone_does() -> None:
    torch.manual_seed(0)
    plain = tsm("squeezenet1_1", 5)
    torch.manual_seed(0)
    both = tsm("squeezenet1_1", 5, difference=True)
    before, after = plain.layers[0].weight, both.layers[1].weight
    assert isinstance(before, Tensor) and isinstance(after, Tensor)
    assert isinstance(both.layers[0], Difference) and after.shape == (64, 6, 3, 3)
    assert torch.equal(after[:, :3], before) and after[:, 3:].std() > 0


def test_without_a_shift_the_order_says_nothing() -> None:
    torch.manual_seed(0)
    clips = torch.randn(1, 3, 4, 32, 32)
    for share, same in ((0, True), (8, False)):
        model = excited(tsm("mobilenet_v2", 5, share=share, width_mult=0.25))
        with torch.no_grad():
            assert torch.allclose(model(clips), model(clips.flip(2)), atol=1e-4) == same
    assert not any(isinstance(layer, Shifted) for layer in tsm("mobilenet_v2", 5, share=0).modules())


@pytest.mark.parametrize(
    ("name", "options", "start"),
    [
        (
            "tsm_rgbdiff_mobilenet_v2",
            {"width_mult": 0.25},
            0,
        ),  # of the first blocks no channel is left that was shifted
        ("causal_mobilenet_v2", {"width_mult": 0.25}, 0),
        ("tsm_squeezenet1_1", {}, 1),
        pytest.param("tsm_efficientnet_lite0", {}, 0, marks=pytest.mark.slow),
    ],
)
def test_a_cut_of_half_is_proven_and_streams(name: str, options: dict[str, float], start: int) -> None:
    torch.manual_seed(0)
    model, inputs = excited(build(name, num_classes=5, **options)), (torch.randn(2, 3, 3, 32, 32),)
    captured = graph.capture(model, inputs, {}, parts=True)
    coupling = graph.couple(captured)
    cut = coupling.cut({group.index: list(range(start, group.units, 2)) for group in coupling.groups})
    pruned = graph.prune(model, cut, capture=captured)
    assert pruned.own_class and not coupling.unknown
    before, after = (sum(p.numel() for p in m.parameters()) for m in (model, pruned.module))
    assert after < 0.5 * before
    assert graph.verify(model, pruned.module, cut, inputs, {}, capture=captured).ok
    with torch.no_grad():
        torch.testing.assert_close(streamed(pruned.module, *inputs), pruned.module(*inputs), atol=1e-5, rtol=1e-5)


def test_the_streaming_form_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = tiny("shift")
    clips = torch.randn(1, 3, 5, 7, 10)
    streaming = Streaming(model)
    past = streaming.start(7, 10)
    export_onnx(streaming, (clips[:, :, 0], *past), tmp_path / "stream.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "stream.onnx")
    names = [one.name for one in session.get_inputs()]
    kept, scores = [one.numpy() for one in past], list[np.ndarray]()
    for frame in clips.unbind(2):
        score, *kept = session.run(None, dict(zip(names, [frame.numpy(), *kept], strict=True)))
        scores.append(np.asarray(score))
    with torch.no_grad():
        np.testing.assert_allclose(np.mean(scores, axis=0), model(clips).numpy(), atol=1e-5)


def test_other_models_have_no_streaming_form() -> None:
    with pytest.raises(LissomError, match="a Linear has no streaming form"):
        Streaming(nn.Linear(2, 2))
