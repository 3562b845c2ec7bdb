"""Layers of low rank: two or three thin ones in a row that do the work of a thick one. Weights start random.

``walk`` of a convolution is what :meth:`lissom.layers.walk.Walk.of` takes: ``kernel``, ``stride``, ``padding`` and
``dilation``. Shapes are ``(batch, inputs, height, width)`` to ``(batch, outputs, height, width)``.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from lissom.layers.walk import Walk


class LowRankLinear(nn.Sequential):
    """``inputs`` to ``rank`` to ``outputs``; the bias is the second one's.

    Shapes ``(..., inputs)`` to ``(..., outputs)``.
    """

    def __init__(self, inputs: int, outputs: int, rank: int, *, bias: bool = True) -> None:
        super().__init__(nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=bias))

    @property
    def weight(self) -> Tensor:
        """Both as one, ``(outputs, inputs)``, for an owner that reads it instead of calling the layer, as
        ``nn.TransformerEncoderLayer`` does in eval mode."""
        first, second = self.children()
        return second.get_parameter("weight") @ first.get_parameter("weight")

    @property
    def bias(self) -> Tensor | None:
        """The second one's, likewise."""
        return dict(self[1].named_parameters()).get("bias")


class LowRankEmbedding(nn.Sequential):
    """A table of ``tokens`` rows of ``rank``, then a linear layer to ``features`` (Lan et al., 2020, "ALBERT", section
    3.1). Token numbers of any shape to ``(..., features)``.

    Args:
        pad: the row of padding, which stays as it is in training.
    """

    def __init__(self, tokens: int, features: int, rank: int, *, pad: int | None = None) -> None:
        super().__init__(nn.Embedding(tokens, rank, padding_idx=pad), nn.Linear(rank, features, bias=False))


class LowRankChannels(nn.Sequential):
    """A convolution to ``rank`` channels, then one of 1x1 to ``outputs`` (Zhang, Zou, He and Sun, 2016,
    "Accelerating very deep convolutional networks", section 3.1)."""

    def __init__(self, inputs: int, outputs: int, rank: int, *, bias: bool = True, **walk: Sequence[int]) -> None:
        super().__init__(
            nn.Conv2d(inputs, rank, *Walk.of(**walk), bias=False),
            nn.Conv2d(rank, outputs, 1, bias=bias),
        )


class LowRankSpatial(nn.Sequential):
    """A column of ``height`` by 1 to ``rank`` channels, then a row of 1 by ``width`` to ``outputs`` (Jaderberg,
    Vedaldi and Zisserman, 2014, "Speeding up convolutional neural networks with low rank expansions", scheme 2)."""

    def __init__(self, inputs: int, outputs: int, rank: int, *, bias: bool = True, **walk: Sequence[int]) -> None:
        whole = Walk.of(**walk)
        super().__init__(
            nn.Conv2d(inputs, rank, *whole.down(), bias=False),
            nn.Conv2d(rank, outputs, *whole.across(), bias=bias),
        )


class Tucker2(nn.Sequential):
    """1x1 to ``rank_in`` channels, the convolution to ``rank_out``, 1x1 to ``outputs`` (Kim et al., 2016,
    "Compression of deep convolutional neural networks for fast and low power mobile applications", section 3.1)."""

    def __init__(
        self, inputs: int, outputs: int, rank_in: int, rank_out: int, *, bias: bool = True, **walk: Sequence[int]
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, rank_in, 1, bias=False),
            nn.Conv2d(rank_in, rank_out, *Walk.of(**walk), bias=False),
            nn.Conv2d(rank_out, outputs, 1, bias=bias),
        )
