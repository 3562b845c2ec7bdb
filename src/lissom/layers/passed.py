"""A block that was taken out: its input goes through."""

from typing import Any

from torch import Tensor, nn


class Passed(nn.Module):
    """Gives its first tensor back.

    Args:
        wrapped: give a tuple of it, as the block did that was here.
    """

    def __init__(self, *, wrapped: bool = False) -> None:
        super().__init__()
        self.wrapped = wrapped

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        first = next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        return (first,) if self.wrapped else first

    def extra_repr(self) -> str:
        return "wrapped" if self.wrapped else ""
