"""Mobile families for small pictures: fewer strides, so that the last map is not a single point.

The plan is by total stride: 32 at 224 pixels, 16 at 64 (4x4 is left), 8 at 32 and 28 (4x4). The first halvings
go, which is what keeps most of the picture. Weights keep their names and shapes.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.zoo.models import build
from lissom.zoo.names import SMALL_INPUT_FAMILIES, small_input_name

# Pixels to the number of halvings that are taken out.
STRIDE_PLAN = {28: 2, 32: 2, 64: 1}


def for_small_input(model: nn.Module, pixels: int) -> nn.Module:
    """Take the first halvings out of a network made for 224 pixels, in place.

    Args:
        model: built anew; its convolutions with stride 2 stand in the order in which they run, and no shortcut
            goes around the first two.
        pixels: side of the pictures: 28, 32 or 64.

    Raises:
        LissomError: there is no plan for this size.
    """
    if pixels not in STRIDE_PLAN:
        sizes = ", ".join(map(str, STRIDE_PLAN))
        raise LissomError(f"no stride plan for pictures of {pixels} pixels", hint=f"there is one for {sizes}")
    halvings = [module for module in model.modules() if _halves(module)]
    for module in halvings[: STRIDE_PLAN[pixels]]:
        _keep_size(module)
    return model


def _halves(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.stride == (2, 2)
    return isinstance(module, nn.MaxPool2d) and module.stride == 2


def _keep_size(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        module.stride = (1, 1)
        module.padding = tuple(size // 2 for size in module.kernel_size)
    elif isinstance(module, nn.MaxPool2d):
        # A pool that does not halve is left out altogether, as networks for 32 pixels are usually built.
        module.kernel_size, module.stride, module.padding = 1, 1, 0


def builder(family: str, pixels: int) -> Callable[..., nn.Module]:
    """The builder of ``family`` for pictures of ``pixels``; 10 classes unless told otherwise."""

    def build_small(num_classes: int = 10, **options: Any) -> nn.Module:
        return for_small_input(build(family, num_classes=num_classes, **options), pixels)

    return build_small


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """Builders by name: ``mobilenet_v2_32px``."""
    for family in SMALL_INPUT_FAMILIES:
        for pixels in STRIDE_PLAN:
            if name == small_input_name(family, pixels):
                return builder(family, pixels)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
