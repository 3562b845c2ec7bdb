"""How a convolution goes over its input, as the arguments of ``nn.Conv2d``."""

from collections.abc import Sequence
from typing import NamedTuple

Pair = tuple[int, int]


class Walk(NamedTuple):
    """Kernel, stride, padding and dilation, each ``(height, width)``."""

    kernel_size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    @classmethod
    def of(
        cls,
        kernel: Sequence[int],
        stride: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: Sequence[int] = (1, 1),
    ) -> "Walk":
        """From pairs as they are stored."""
        return cls(_two(kernel), _two(stride), _two(padding), _two(dilation))

    def down(self) -> "Walk":
        """The part of it along the height alone."""
        return Walk(*((first, still) for (first, _), still in zip(self, _STILL, strict=True)))

    def across(self) -> "Walk":
        """The part of it along the width alone."""
        return Walk(*((still, second) for (_, second), still in zip(self, _STILL, strict=True)))


_STILL = (1, 1, 0, 1)


def _two(values: Sequence[int]) -> Pair:
    first, second = values
    return int(first), int(second)
