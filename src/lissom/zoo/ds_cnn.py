"""DS-CNN for keyword spotting (Zhang et al. 2017, "Hello Edge", table 4 and section 4): three published sizes."""

from torch import Tensor, nn


class DsCnn(nn.Module):
    """A convolution over time and frequency, depthwise-separable blocks, the average over both, linear.

    The published sizes are for 49 frames of 10 cepstral coefficients; the average takes any other size.

    Args:
        channels: of all layers.
        blocks: depthwise-separable blocks of 3x3.
        narrow: whether the first convolution halves the frequencies; the first block then halves nothing.
        num_classes: size of the output.
    """

    def __init__(self, channels: int, blocks: int, *, narrow: bool, num_classes: int = 12) -> None:
        super().__init__()
        # as TensorFlow pads: 4 and 5 frames before and after, 1 and 2 bands
        self.pad = nn.ZeroPad2d((4, 5, 1, 2))
        self.conv = nn.Conv2d(1, channels, (4, 10), stride=(2 if narrow else 1, 2), bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.ReLU()
        strides = [1 if narrow else 2] + [1] * (blocks - 1)
        self.blocks = nn.Sequential(*(_separable(channels, stride) for stride in strides))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, 1, bands, frames)`` to ``(batch, num_classes)``."""
        maps = self.blocks(self.act(self.bn(self.conv(self.pad(features)))))
        return self.classifier(self.pool(maps).flatten(1))


def ds_cnn_s(num_classes: int = 12) -> DsCnn:
    """Small: 23,180 parameters, 2.66 M multiply-adds at 10x49."""
    return DsCnn(64, 4, narrow=True, num_classes=num_classes)


def ds_cnn_m(num_classes: int = 12) -> DsCnn:
    """Medium: 136,580 parameters, 9.82 M multiply-adds at 10x49."""
    return DsCnn(172, 4, narrow=False, num_classes=num_classes)


def ds_cnn_l(num_classes: int = 12) -> DsCnn:
    """Large: 413,736 parameters, 28.33 M multiply-adds at 10x49."""
    return DsCnn(276, 5, narrow=False, num_classes=num_classes)


def _separable(channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )
