"""Encoders are taught at a lower rate than networks with BatchNorm, and the engine's recoveries keep to it."""

import torch
from torch import nn

from lissom.steps.distillation.learning import CONVOLUTIONAL, ENCODERS, usual_learning


def test_what_normalises_layers_is_taught_slowly() -> None:
    assert usual_learning(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) == CONVOLUTIONAL
    assert usual_learning(nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))) == ENCODERS
    assert ENCODERS[0] < CONVOLUTIONAL[0] / 10


def test_an_encoder_of_pictures_is_one_too() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    with torch.no_grad():
        assert layer(torch.zeros(1, 3, 8)).shape == (1, 3, 8)
    assert usual_learning(nn.ModuleList([layer])) == ENCODERS
