"""Six plain convolutions, and the depthwise-separable network of the same widths.

The first is sometimes taken for a MobileNet, but no layer of it is depthwise. It is the kind of network that
people bring: too big for what it does.
"""

from collections.abc import Iterator
from itertools import pairwise

from torch import nn

WIDTHS = (32, 64, 128, 256, 512, 1024)


def sample(num_classes: int = 1000, *, width: float = 1.0) -> nn.Sequential:
    """Six 3x3 convolutions with bias, each with BatchNorm and ReLU, global average, linear.

    Convolution ``k`` is entry ``3k`` of the sequence, its BatchNorm ``3k + 1``; the linear layer is entry 20.
    7,317,224 parameters at 1000 classes and 6,302,474 at 10; 1,200.43 M multiply-adds at 224x224.

    Args:
        num_classes: size of the output.
        width: multiplies all six widths (rounded, at least 1).

    Returns:
        A module from ``(batch, 3, height, width)`` to ``(batch, num_classes)``.
    """
    widths = _scaled(width)
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(pairwise((3, *widths))):
        convolution = nn.Conv2d(before, after, 3, stride=1 if index == 0 else 2, padding=1)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *_head(widths[-1], num_classes))


def sample_separable(num_classes: int = 1000, *, width: float = 1.0) -> nn.Sequential:
    """The same widths as in MobileNetV1 (Howard et al. 2017, section 3.1): depthwise 3x3, then pointwise 1x1.

    The first convolution stays full; no convolution has a bias, as BatchNorm follows each.
    1,739,176 parameters and 179.83 M multiply-adds at 1000 classes and 224x224.

    Args:
        num_classes: size of the output.
        width: multiplies all six widths (rounded, at least 1).

    Returns:
        A module from ``(batch, 3, height, width)`` to ``(batch, num_classes)``.
    """
    widths = _scaled(width)
    layers = [*_with_norm(nn.Conv2d(3, widths[0], 3, padding=1, bias=False))]
    for before, after in pairwise(widths):
        layers += _with_norm(nn.Conv2d(before, before, 3, stride=2, padding=1, groups=before, bias=False))
        layers += _with_norm(nn.Conv2d(before, after, 1, bias=False))
    return nn.Sequential(*layers, *_head(widths[-1], num_classes))


def _scaled(width: float) -> tuple[int, ...]:
    return tuple(max(1, round(channels * width)) for channels in WIDTHS)


def _with_norm(convolution: nn.Conv2d) -> Iterator[nn.Module]:
    yield from (convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))


def _head(channels: int, num_classes: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
