"""Layers that look back in time: on the frames of a whole clip, or one frame at a time with what they remember."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Temporal(nn.Module, ABC):
    """A layer that sees frames before the present one, never later ones. Before the first frame there are zeros."""

    @abstractmethod
    def forward(self, maps: Tensor, frames: int) -> Tensor:
        """All frames of clips at once, ``(batch * frames, channels, height, width)``, a clip's frames in a row."""

    @abstractmethod
    def step(self, maps: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """One frame of each clip, ``(batch, channels, height, width)``, with what is remembered of those before.

        Args:
            maps: of this frame.
            past: ``(batch, remembered, height, width)``; zeros before the first frame.

        Returns:
            The layer's answer, the same as :meth:`forward` has at this frame, and what to remember.
        """

    @abstractmethod
    def remembered(self, channels: int) -> int:
        """How many channels ``past`` has where the input has ``channels``; perhaps 0 after a cut."""


class Shifted(Temporal):
    """A residual block whose branch sees some channels of the frame before instead of its own (the online temporal
    shift of Lin et al. 2019, "TSM", section 3.3 and figure 3b); it has no weights of its own.

    Which channels is a buffer, not a number, so that any of them can be cut; they are the first ones, before and after.

    Args:
        block: from a map to one of the same shape, without its shortcut, which is added here.
        channels: of the map.
        fold: how many of them are the frame before's.
    """

    late: Tensor

    def __init__(self, block: nn.Module, channels: int, fold: int) -> None:
        super().__init__()
        self.block = block
        self.register_buffer("late", (torch.arange(channels) < fold)[:, None, None])

    def forward(self, maps: Tensor, frames: int) -> Tensor:
        """See :meth:`Temporal.forward`."""
        return maps + self.block(torch.where(self.late, _before(maps, frames), maps))

    def step(self, maps: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Temporal.step`."""
        fold = past.shape[1]
        return maps + self.block(torch.cat((past, maps[:, fold:]), 1)), maps[:, :fold]

    def remembered(self, channels: int) -> int:
        """See :meth:`Temporal.remembered`: how many channels are the frame before's."""
        return int(self.late.sum())


class Difference(Temporal):
    """A frame, and beside its channels what is different from the frame before, at full resolution ("RGB difference":
    Wang et al. 2016, "Temporal Segment Networks", section 3.2). It has no weights.

    What moves less than a pixel of a small map, where a shift cannot show it, is seen here.

    Args:
        scale: the difference is multiplied by it: it is a fraction of what a frame is, and the first convolution
            should get both alike.
    """

    def __init__(self, scale: float = 4.0) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, maps: Tensor, frames: int) -> Tensor:
        """See :meth:`Temporal.forward`; to ``(batch * frames, 2 * channels, height, width)``."""
        return torch.cat((maps, self.scale * (maps - _before(maps, frames))), 1)

    def step(self, maps: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Temporal.step`."""
        return torch.cat((maps, self.scale * (maps - past)), 1), maps

    def remembered(self, channels: int) -> int:
        """See :meth:`Temporal.remembered`: the whole frame."""
        return channels


class TemporalConvolution(Temporal):
    """A convolution over time that reads the present frame and those before it, then BatchNorm and ReLU: the second
    half of a (2+1)-D convolution (Tran et al. 2018, section 3.5), causal (Kondratyuk et al. 2021, section 3.2).

    It is a 1x1 convolution of the frames laid side by side, which every runtime has.

    Args:
        before: channels of the input.
        after: channels of the output.
        length: frames that it reads.
    """

    def __init__(self, before: int, after: int, length: int = 3) -> None:
        super().__init__()
        self.length = length
        self.conv = nn.Conv2d(before * length, after, 1, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, maps: Tensor, frames: int) -> Tensor:
        """See :meth:`Temporal.forward`."""
        clips = F.pad(maps.unflatten(0, (-1, frames)), (0, 0, 0, 0, 0, 0, self.length - 1, 0))
        window = torch.cat([clips[:, start : start + frames] for start in range(self.length)], 2)
        return F.relu(self.norm(self.conv(window.flatten(0, 1))))

    def step(self, maps: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Temporal.step`."""
        window = torch.cat((past, maps), 1)
        return F.relu(self.norm(self.conv(window))), window[:, maps.shape[1] :]

    def remembered(self, channels: int) -> int:
        """See :meth:`Temporal.remembered`."""
        return channels * (self.length - 1)


def _before(maps: Tensor, frames: int) -> Tensor:
    """Of each frame the one before, zeros before the first; shapes as in :meth:`Temporal.forward`."""
    clips = maps.unflatten(0, (-1, frames))
    return F.pad(clips, (0, 0, 0, 0, 0, 0, 1, 0))[:, :frames].flatten(0, 1)
