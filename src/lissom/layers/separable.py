"""A convolution as MobileNet writes it: depthwise, then pointwise."""

from collections.abc import Sequence

from torch import nn


class Separable(nn.Sequential):
    """``multiplier`` filters for each input channel by itself, then a 1x1 convolution over all that they give
    (Howard et al., 2017, "MobileNets", section 3.1; without normalisation and activation in between, so that a
    linear layer stays one).

    Shapes ``(batch, inputs, height, width)`` to ``(batch, outputs, height, width)``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Sequence[int],
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
        *,
        multiplier: int = 1,
        bias: bool = True,
    ) -> None:
        size, step, around, apart = (tuple(int(v) for v in value) for value in (kernel, stride, padding, dilation))
        middle = inputs * multiplier
        super().__init__(
            nn.Conv2d(inputs, middle, size, step, around, apart, groups=inputs, bias=False),  # pyright: ignore[reportArgumentType]
            nn.Conv2d(middle, outputs, 1, bias=bias),
        )
