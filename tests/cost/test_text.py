"""What ``print(profile)`` shows, as text."""

import torch
from torch import nn

from lissom.cost import profile, profile_text
from lissom.zoo import build

TABLE = """\
Sequential, input 1 x 3 x 32 x 32

layer    type               output           parameters      %    MACs      %  allocates
----------------------------------------------------------------------------------------
0        Conv2d             1 x 8 x 32 x 32         224   24.5  0.22 M   27.3    32.8 kB
1        BatchNorm2d        1 x 8 x 32 x 32          16    1.8                   32.8 kB
3        Conv2d             1 x 8 x 32 x 32         584   63.9  0.59 M   72.7    32.8 kB
6        Linear             1 x 10                   90    9.8      80    0.0       40 B
1 other  ReLU
1 other  AdaptiveAvgPool2d                                                          32 B
1 other  Flatten
----------------------------------------------------------------------------------------
total                                               914  100.0  0.81 M  100.0    98.4 kB

MACs of convolutions and linear layers 0.81 M, of attention 0
peak activation memory 77.8 kB, at 1
weights 3.73 kB
not counted: nothing"""


def _small() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def test_the_table() -> None:
    text = str(profile(_small(), (torch.zeros(1, 3, 32, 32),)))
    assert text == TABLE


def test_long_networks_show_what_costs_most() -> None:
    result = profile(build("mobilenet_v3_small"), (torch.zeros(1, 3, 64, 64),))
    short, full = profile_text(result, limit=5), profile_text(result, limit=None)
    assert len(short.splitlines()) < len(full.splitlines()) - 30
    assert "classifier.3 " in short
    assert "features.0.0 " in full
    names = [line.split()[0] for line in short.splitlines()[4:9]]
    assert names == [name for name in (layer.name for layer in result.layers) if name in names]


def test_layers_that_never_ran_are_said_to_be_so() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    model[0].register_module("spare", nn.Linear(8, 8))
    assert "not called" in str(profile(model, (torch.zeros(1, 4),)))
