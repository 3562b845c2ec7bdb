"""MobileNetV1 at all its widths. torchvision has none; timm has 1.0 and 1.25 and shares our names of weights."""

from collections import OrderedDict

from torch import Tensor, nn

# Output channels and stride of each depthwise-separable block, by stage (Howard et al. 2017, table 1).
_STAGES = (
    ((64, 1),),
    ((128, 2), (128, 1)),
    ((256, 2), (256, 1)),
    ((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    ((1024, 2), (1024, 1)),
)


class MobileNetV1(nn.Module):
    """Howard et al. 2017: a full 3x3 convolution, 13 depthwise-separable blocks, average, linear.

    The names of its weights are those of timm's ``mobilenetv1_100``, so its checkpoints load.

    Args:
        width: multiplies all channels (rounded, at least 8).
        num_classes: size of the output.
    """

    def __init__(self, width: float = 1.0, num_classes: int = 1000) -> None:
        super().__init__()
        channels = _scaled(32, width)
        self.conv_stem = nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.act1 = nn.ReLU6(inplace=True)
        stages: list[nn.Module] = []
        for stage in _STAGES:
            blocks: list[nn.Module] = []
            for out, stride in stage:
                blocks.append(_separable(channels, _scaled(out, width), stride))
                channels = _scaled(out, width)
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(batch, 3, height, width)`` to ``(batch, num_classes)``."""
        features = self.blocks(self.act1(self.bn1(self.conv_stem(pictures))))
        return self.classifier(self.pool(features).flatten(1))


def mobilenet_v1_x1_0(num_classes: int = 1000) -> MobileNetV1:
    """MobileNetV1 1.0: 4,231,976 parameters, 568.74 M multiply-adds at 224x224."""
    return MobileNetV1(1.0, num_classes)


def mobilenet_v1_x0_75(num_classes: int = 1000) -> MobileNetV1:
    """MobileNetV1 0.75."""
    return MobileNetV1(0.75, num_classes)


def mobilenet_v1_x0_5(num_classes: int = 1000) -> MobileNetV1:
    """MobileNetV1 0.5."""
    return MobileNetV1(0.5, num_classes)


def mobilenet_v1_x0_25(num_classes: int = 1000) -> MobileNetV1:
    """MobileNetV1 0.25."""
    return MobileNetV1(0.25, num_classes)


def _scaled(channels: int, width: float) -> int:
    return max(8, round(channels * width))


def _separable(before: int, after: int, stride: int) -> nn.Sequential:
    depthwise = nn.Conv2d(before, before, 3, stride=stride, padding=1, groups=before, bias=False)
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv_dw=depthwise,
            bn1=nn.BatchNorm2d(before),
            act1=nn.ReLU6(inplace=True),
            conv_pw=nn.Conv2d(before, after, 1, bias=False),
            bn2=nn.BatchNorm2d(after),
            act2=nn.ReLU6(inplace=True),
        )
    )
