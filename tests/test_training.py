"""What the scripts in training/ work out before they learn."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lissom.zoo.codec import SETTINGS, Codec

TRAINING = Path(__file__).parent.parent / "training"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(TRAINING)
    return importlib.import_module("codec_start")


def pictures(*, smooth: bool = True) -> Tensor:
    """Packed, ``(8, 6, 32, 32)``, in -0.5..0.5."""
    drawn = torch.rand(8, 6, 32, 32, generator=torch.Generator().manual_seed(0)) - 0.5
    return torch.nn.functional.avg_pool2d(drawn, 5, 1, 2) if smooth else drawn


def decoded(model: Codec, frames: Tensor, prediction: Tensor) -> Tensor:
    """Without any rounding."""
    setting = torch.eye(SETTINGS)[2:3].expand(len(frames), -1)
    latents, _ = model.encode(frames, prediction, model.gain(setting))
    return model.synthesis(latents * model.inverse_gain(setting), prediction)


@torch.no_grad()
def test_a_codec_with_latents_for_every_pixel_gives_back_what_it_sees(start: Any) -> None:
    model = Codec((24, 96, 384), latents=384, hyper=4, hidden=4, expansion=1).eval()
    frames = pictures(smooth=False)
    start.begin(model, frames)
    torch.testing.assert_close(decoded(model, frames, torch.zeros_like(frames)), frames, atol=1e-4, rtol=0)
    torch.testing.assert_close(decoded(model, frames, frames.flip(0)), frames, atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_codec_with_fewer_keeps_what_matters_most(start: Any) -> None:
    """A quarter of the numbers of smooth pictures, with fewer latents than maps, and room for the prediction."""
    model = Codec((32, 96, 128), latents=96, hyper=4, hidden=4, expansion=1).eval()
    frames = pictures()
    start.begin(model, frames)
    lost = (decoded(model, frames, torch.zeros_like(frames)) - frames).square().mean() / frames.square().mean()
    assert lost < 0.25, "the same share of white noise would lose three quarters"
    same = decoded(model, frames, frames)
    torch.testing.assert_close(same, frames, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_first_step_of_quantization_is_the_one_that_costs_least(start: Any) -> None:
    """Bits fall by the logarithm of the step, the error grows with its square: either side costs more."""
    worth = 0.01 * 255**2 * 1.5 / 8

    def cost(step: float) -> float:
        return float(-torch.log2(torch.tensor(step)) / 4 + worth * step**2 / 12)

    best = start.usual_step()
    assert cost(best) < cost(0.98 * best) and cost(best) < cost(1.02 * best)
