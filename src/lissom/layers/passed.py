"""A block that was taken out: its input goes through."""

from typing import Any

from torch import Tensor, nn


class Passed(nn.Module):
    """Gives its first tensor back.

    Args:
        items: 0 to give the tensor alone; otherwise a tuple of so many, the others ``None``, as the block did that
            was here.
    """

    def __init__(self, *, items: int = 0) -> None:
        super().__init__()
        self.items = items

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The first tensor among the arguments, as it is."""
        first = next(value for value in (*args, *kwargs.values()) if isinstance(value, Tensor))
        return (first, *[None] * (self.items - 1)) if self.items else first

    def extra_repr(self) -> str:
        """What ``print`` shows."""
        return f"items={self.items}" if self.items else ""
