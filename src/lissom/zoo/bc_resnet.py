"""BC-ResNet for keyword spotting (Kim et al. 2021, "Broadcasted Residual Learning", section 2 and table 1)."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

BANDS = 40
_SUB_BANDS = 5
_BASE = 8  # channels of the blocks of BC-ResNet-1
# Blocks of each stage, their channels as a multiple of the base, and the stride over frequencies.
_STAGES = ((2, 1.0, 1), (2, 1.5, 2), (4, 2.0, 2), (4, 2.5, 1))
# The multiples of BC-ResNet-1 that were published, by name.
WIDTHS = {
    f"bc_resnet_{str(width).replace('.', '_').removesuffix('_0')}": width for width in (1.0, 1.5, 2.0, 3.0, 6.0, 8.0)
}


class SubSpectralNorm(nn.Module):
    """BatchNorm with statistics and scale of its own for each of several bands of frequencies (Chang et al. 2021).

    Args:
        channels: of the input.
        bands: how many; they have to divide the frequencies.
    """

    def __init__(self, channels: int, bands: int = _SUB_BANDS) -> None:
        super().__init__()
        self.bands = bands
        self.norm = nn.BatchNorm2d(channels * bands)

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, channels, frequencies, frames)`` to the same shape."""
        batch, channels, frequencies, frames = maps.shape
        split = maps.reshape(batch, channels * self.bands, frequencies // self.bands, frames)
        return self.norm(split).reshape(batch, channels, frequencies, frames)


class BroadcastBlock(nn.Module):
    """A depthwise convolution over frequencies, and on their average one over time that is added to every frequency.

    Args:
        before: channels of the input; where they are those of the output, the input is added too.
        after: channels of the output.
        stride: over frequencies.
        dilation: over time.
    """

    def __init__(self, before: int, after: int, *, stride: int, dilation: int) -> None:
        super().__init__()
        self.identity = before == after
        self.expand = nn.Sequential()
        if not self.identity:
            self.expand = nn.Sequential(nn.Conv2d(before, after, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        self.across = nn.Sequential(
            nn.Conv2d(after, after, (3, 1), stride=(stride, 1), padding=(1, 0), groups=after, bias=False),
            SubSpectralNorm(after),
        )
        self.along = nn.Sequential(
            nn.Conv2d(after, after, (1, 3), padding=(0, dilation), dilation=(1, dilation), groups=after, bias=False),
            nn.BatchNorm2d(after),
            nn.SiLU(),
            nn.Conv2d(after, after, 1, bias=False),
            nn.Dropout2d(0.1),
        )
        self.act = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, before, frequencies, frames)`` to ``(batch, after, frequencies / stride, frames)``."""
        local = self.across(self.expand(maps))
        summed = local + self.along(local.mean(2, keepdim=True))
        return self.act(summed + maps if self.identity else summed)


class BcResNet(nn.Module):
    """Four stages of broadcast blocks between a 5x5 convolution and a small head; 40 bands in.

    Args:
        width: multiplies the channels of BC-ResNet-1.
        num_classes: size of the output.
    """

    def __init__(self, width: float = 1.0, num_classes: int = 12) -> None:
        super().__init__()
        base = int(_BASE * width)
        channels = 2 * base
        self.head = nn.Sequential(
            nn.Conv2d(1, channels, 5, stride=(2, 1), padding=2, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )
        blocks: list[nn.Module] = []
        for stage, (count, multiple, stride) in enumerate(_STAGES):
            after = int(base * multiple)
            for index in range(count):
                blocks.append(BroadcastBlock(channels, after, stride=stride if index == 0 else 1, dilation=2**stage))
                channels = after
        self.blocks = nn.Sequential(*blocks)
        self.tail = nn.Sequential(
            nn.Conv2d(channels, channels, 5, padding=(0, 2), groups=channels, bias=False),
            nn.Conv2d(channels, 4 * base, 1, bias=False),
            nn.BatchNorm2d(4 * base),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Conv2d(4 * base, num_classes, 1)

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, 1, 40, frames)`` to ``(batch, num_classes)``."""
        return self.classifier(self.pool(self.tail(self.blocks(self.head(features))))).flatten(1)


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """Builders by name: ``bc_resnet_1``, ``bc_resnet_1_5``."""
    if name in WIDTHS:
        return partial(BcResNet, WIDTHS[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
