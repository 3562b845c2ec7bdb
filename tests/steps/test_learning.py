"""Encoders are taught at a lower rate than networks with BatchNorm, clips a few at a time."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lissom.steps.distillation.learning import (
    CONVOLUTIONAL,
    ENCODERS,
    REPAIRED_CLIPS,
    recovering_rate,
    usual_learning,
)
from lissom.testing import tiny_workload


def learning(module: nn.Module, *shape: int) -> tuple[float, int]:
    example = (torch.zeros(shape),) if shape else tiny_workload().example
    return usual_learning(replace(tiny_workload(), module=module, example=example))


def test_what_normalises_layers_is_taught_slowly() -> None:
    assert learning(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) == CONVOLUTIONAL
    assert learning(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))) == ENCODERS
    assert ENCODERS[0] < CONVOLUTIONAL[0] / 10


def test_an_encoder_of_pictures_is_one_too() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    with torch.no_grad():
        assert layer(torch.zeros(1, 3, 8)).shape == (1, 3, 8)
    assert learning(nn.ModuleList([layer])) == ENCODERS


@pytest.mark.parametrize(("frames", "batch"), [(1, 128), (8, 32), (16, 16), (64, 8)])
def test_clips_are_learnt_from_a_few_at_a_time(frames: int, batch: int) -> None:
    rate, found = learning(nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4)), 1, 3, frames, 8, 8)
    assert found == batch and rate == pytest.approx(CONVOLUTIONAL[0] * (batch / 128) ** 0.5)


@pytest.mark.parametrize(("epochs", "share"), [(0.6, 0.1), (3, 0.5), (6, 1.0), (30, 1.0)])
def test_a_short_recovery_does_not_undo_the_repair(epochs: float, share: float) -> None:
    assert recovering_rate(tiny_workload(), epochs) == pytest.approx(share * CONVOLUTIONAL[0])
    encoder = replace(tiny_workload(), module=nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4)))
    assert recovering_rate(encoder, epochs) == ENCODERS[0], "the usual rate of encoders is for a few epochs"


def test_a_repaired_network_of_clips_is_taught_slowly_in_a_short_recovery() -> None:
    module = nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4))
    clips = replace(tiny_workload(), module=module, example=(torch.zeros(1, 3, 8, 8, 8),))
    assert recovering_rate(clips, 1) == recovering_rate(clips, 8) == REPAIRED_CLIPS
    assert recovering_rate(clips, 9) == recovering_rate(clips, 30) == usual_learning(clips)[0] > REPAIRED_CLIPS
