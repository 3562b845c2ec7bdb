"""Layers of low rank: two or three thin ones in a row that do the work of a thick one. Weights start random."""

from collections.abc import Sequence

from torch import nn


class LowRankLinear(nn.Sequential):
    """``inputs`` to ``rank`` to ``outputs``; the bias is the second one's.

    Shapes ``(..., inputs)`` to ``(..., outputs)``.
    """

    def __init__(self, inputs: int, outputs: int, rank: int, *, bias: bool = True) -> None:
        super().__init__(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=bias))


class LowRankChannels(nn.Sequential):
    """A convolution to ``rank`` channels, then one of 1x1 to ``outputs`` (Zhang, Zou, He and Sun, 2016,
    "Accelerating very deep convolutional networks", section 3.1).

    Shapes ``(batch, inputs, height, width)`` to ``(batch, outputs, height, width)``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rank: int,
        kernel: Sequence[int],
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, rank, _two(kernel), _two(stride), _two(padding), _two(dilation), bias=False),
            nn.Conv2d(rank, outputs, 1, bias=bias),
        )


class LowRankSpatial(nn.Sequential):
    """A column of ``height`` by 1 to ``rank`` channels, then a row of 1 by ``width`` to ``outputs`` (Jaderberg,
    Vedaldi and Zisserman, 2014, "Speeding up convolutional neural networks with low rank expansions", scheme 2).

    Shapes as those of :class:`LowRankChannels`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rank: int,
        kernel: Sequence[int],
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        *,
        bias: bool = True,
    ) -> None:
        (high, wide), (down, across) = _two(kernel), _two(stride)
        (top, side), (tall, broad) = _two(padding), _two(dilation)
        super().__init__(
            nn.Conv2d(inputs, rank, (high, 1), (down, 1), (top, 0), (tall, 1), bias=False),
            nn.Conv2d(rank, outputs, (1, wide), (1, across), (0, side), (1, broad), bias=bias),
        )


class Tucker2(nn.Sequential):
    """1x1 to ``rank_in`` channels, the convolution to ``rank_out``, 1x1 to ``outputs`` (Kim et al., 2016,
    "Compression of deep convolutional neural networks for fast and low power mobile applications", section 3.1).

    Shapes as those of :class:`LowRankChannels`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rank_in: int,
        rank_out: int,
        kernel: Sequence[int],
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, rank_in, 1, bias=False),
            nn.Conv2d(rank_in, rank_out, _two(kernel), _two(stride), _two(padding), _two(dilation), bias=False),
            nn.Conv2d(rank_out, outputs, 1, bias=bias),
        )


def _two(values: Sequence[int]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
