"""A convolution as MobileNet writes it: depthwise, then pointwise."""

from collections.abc import Sequence

from torch import nn

from lissom.layers.walk import Walk


class Separable(nn.Sequential):
    """``multiplier`` filters for each input channel by itself, then a 1x1 convolution over all that they give
    (Howard et al., 2017, "MobileNets", section 3.1; without normalisation and activation in between, so that a
    linear layer stays one).

    Shapes ``(batch, inputs, height, width)`` to ``(batch, outputs, height, width)``; ``walk`` is what
    :meth:`lissom.layers.walk.Walk.of` takes.
    """

    def __init__(
        self, inputs: int, outputs: int, *, multiplier: int = 1, bias: bool = True, **walk: Sequence[int]
    ) -> None:
        middle = inputs * multiplier
        super().__init__(
            nn.Conv2d(inputs, middle, *Walk.of(**walk), groups=inputs, bias=False),
            nn.Conv2d(middle, outputs, 1, bias=bias),
        )
