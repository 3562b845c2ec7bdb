"""ResNet for 32x32 pictures (He et al. 2016, section 4.2): 6n + 2 layers of 16, 32 and 64 channels."""

from torch import Tensor, nn
from torch.nn import functional


class CifarResNet(nn.Module):
    """Three stages of ``blocks`` residual blocks each.

    Shortcuts that change shape are 1x1 convolutions with BatchNorm: option B of the paper, whose CIFAR table
    uses option A (2,752 parameters fewer in ResNet-20).

    Args:
        blocks: per stage; 3 gives ResNet-20, 9 gives ResNet-56.
        num_classes: size of the output.
        width: channels of the first stage.
    """

    def __init__(self, blocks: int = 3, num_classes: int = 10, *, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        layers: list[nn.Module] = []
        before = width
        for stage in range(3):
            after = width * 2**stage
            for index in range(blocks):
                layers.append(_Block(before, after, stride=2 if stage > 0 and index == 0 else 1))
                before = after
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(before, num_classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """``(batch, 3, height, width)`` to ``(batch, num_classes)``."""
        features = self.layers(functional.relu(self.bn1(self.conv1(pictures))))
        return self.fc(features.mean((2, 3)))


class _Block(nn.Module):
    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.short = nn.Sequential()
        if stride != 1 or before != after:
            projection = nn.Conv2d(before, after, 1, stride=stride, bias=False)
            self.short = nn.Sequential(projection, nn.BatchNorm2d(after))

    def forward(self, features: Tensor) -> Tensor:
        branch = functional.relu(self.bn1(self.conv1(features)))
        return functional.relu(self.bn2(self.conv2(branch)) + self.short(features))


def resnet20(num_classes: int = 10) -> CifarResNet:
    """272,474 parameters, 40.81 M multiply-adds at 32x32."""
    return CifarResNet(3, num_classes)


def resnet56(num_classes: int = 10) -> CifarResNet:
    """The same with nine blocks per stage."""
    return CifarResNet(9, num_classes)
