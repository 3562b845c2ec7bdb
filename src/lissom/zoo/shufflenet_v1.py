"""ShuffleNetV1 (Zhang et al. 2018, table 1), which neither torchvision nor timm nor transformers has."""

from functools import partial

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.zoo.names import SHUFFLENET_V1_GROUPS, SHUFFLENET_V1_WIDTHS, shufflenet_v1_name

# Output channels of stage 2 at width 1.0 by number of groups; stages 3 and 4 double them.
STAGE2_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
_REPEATS = (4, 8, 4)


class ShuffleNetV1(nn.Module):
    """Grouped pointwise convolutions with a channel shuffle between them.

    Args:
        groups: of the pointwise convolutions: 1, 2, 3, 4 or 8.
        width: multiplies the channels. Where the result does not divide into bottlenecks and groups (0.5 and
            1.5 with 2 or 4 groups, which nobody published) it is rounded up to the next that does.
        num_classes: size of the output.
        head_bias: whether the last linear layer has a bias. The paper does not say; the authors' later
            release (megvii) has none.
    """

    def __init__(self, groups: int = 3, width: float = 1.0, num_classes: int = 1000, *, head_bias: bool = True) -> None:
        super().__init__()
        channels = stage_channels(groups, width)
        stem = _stem_channels(groups, width)
        self.first_conv = nn.Sequential(
            nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
        )
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        units: list[nn.Module] = []
        before = stem
        for stage, (after, repeats) in enumerate(zip(channels, _REPEATS, strict=True)):
            for index in range(repeats):
                # Section 3.2: the first pointwise layer of stage 2 is not grouped, its input is too narrow.
                first_groups = 1 if stage == 0 and index == 0 else groups
                stride = 2 if index == 0 else 1
                units.append(_Unit(before, after, stride=stride, first_groups=first_groups, groups=groups))
                before = after
        self.features = nn.Sequential(*units)
        self.globalpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(before, num_classes, bias=head_bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(batch, 3, height, width)`` to ``(batch, num_classes)``."""
        features = self.features(self.maxpool(self.first_conv(pictures)))
        return self.classifier(self.globalpool(features).flatten(1))


class _Unit(nn.Module):
    """Figure 2 (b) and (c): grouped 1x1, shuffle, depthwise 3x3, grouped 1x1, then add or concatenate."""

    def __init__(self, before: int, after: int, *, stride: int, first_groups: int, groups: int) -> None:
        super().__init__()
        self.downsamples = stride == 2
        self.groups = groups
        middle = after // 4
        out = after - before if self.downsamples else after
        self.reduce = _convolution_norm(before, middle, 1, groups=first_groups)
        self.depthwise = _convolution_norm(middle, middle, 3, stride=stride, groups=middle)
        self.expand = _convolution_norm(middle, out, 1, groups=groups)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.AvgPool2d(3, stride=2, padding=1) if self.downsamples else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, before, height, width)`` to ``(batch, after, height / stride, width / stride)``."""
        branch = _shuffle(self.relu(self.reduce(features)), self.groups)
        branch = self.expand(self.depthwise(branch))
        shortcut = self.shortcut(features)
        if self.downsamples:
            return self.relu(torch.cat((shortcut, branch), dim=1))
        return self.relu(shortcut + branch)


def _shuffle(features: Tensor, groups: int) -> Tensor:
    """Channel ``g * n + i`` of ``groups`` x ``n`` becomes channel ``i * groups + g`` (section 3.1)."""
    return features.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)


def _convolution_norm(before: int, after: int, size: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, size, stride=stride, padding=size // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


def stage_channels(groups: int, width: float) -> tuple[int, int, int]:
    """Output channels of stages 2, 3 and 4.

    Raises:
        LissomError: the paper has no layer plan for this number of groups.
    """
    if groups not in STAGE2_CHANNELS:
        allowed = ", ".join(map(str, STAGE2_CHANNELS))
        raise LissomError(f"ShuffleNetV1 with {groups} groups", hint=f"groups is one of {allowed}")
    divisor = 4 * groups
    channels = -(-round(STAGE2_CHANNELS[groups] * width) // divisor) * divisor
    return channels, 2 * channels, 4 * channels


def _stem_channels(groups: int, width: float) -> int:
    # As in megvii's ShuffleNet-Series: 24 for 1.0 and 1.5, half of it for 0.5 (16 where 8 groups have to
    # divide what stage 2 adds to it), twice for 2.0.
    if width < 1:
        return 16 if groups == 8 else 12
    return 48 if width >= 2 else 24


def __getattr__(name: str) -> partial[ShuffleNetV1]:
    """Builders by name: ``shufflenet_v1_g3_x1_0`` and the other groups and widths."""
    for groups in SHUFFLENET_V1_GROUPS:
        for width in SHUFFLENET_V1_WIDTHS:
            if name == shufflenet_v1_name(groups, width):
                return partial(ShuffleNetV1, groups, width)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
