"""Mobile families for small pictures: fewer strides, so that the last map is not a single point.

The plan is by total stride: 32 (SqueezeNet: 16) at 224 pixels, 16 at 64, 8 at 32 and 28; 4x4 is left. The first
halvings go, which keeps most of the picture. Weights keep their names and shapes.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from lissom.core.errors import LissomError
from lissom.zoo.models import build
from lissom.zoo.names import SMALL_INPUT_FAMILIES, small_input_name

# Side of the pictures to the total stride.
STRIDE_PLAN = {28: 8, 32: 8, 64: 16}
_USUAL_STRIDE = 32
_OTHER_STRIDES = {"squeezenet1_1": 16}


def for_small_input(model: nn.Module, pixels: int, *, total_stride: int = _USUAL_STRIDE) -> nn.Module:
    """Take the first halvings out of a network made for 224 pixels, in place.

    Args:
        model: built anew; its layers with stride 2 stand in the order in which they run, and no shortcut goes
            around the first two.
        pixels: side of the pictures: 28, 32 or 64.
        total_stride: of the network as it is.

    Raises:
        LissomError: there is no plan for this size.
    """
    if pixels not in STRIDE_PLAN:
        sizes = ", ".join(map(str, STRIDE_PLAN))
        raise LissomError(f"no stride plan for pictures of {pixels} pixels", hint=f"there is one for {sizes}")
    surplus = (total_stride // STRIDE_PLAN[pixels]).bit_length() - 1
    halvings = [module for module in model.modules() if _halves(module)]
    for module in halvings[:surplus]:
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
        model = build(family, num_classes=num_classes, **options)
        return for_small_input(model, pixels, total_stride=_OTHER_STRIDES.get(family, _USUAL_STRIDE))

    return build_small


def __getattr__(name: str) -> Callable[..., nn.Module]:
    """Builders by name: ``mobilenet_v2_32px``."""
    for family in SMALL_INPUT_FAMILIES:
        for pixels in STRIDE_PLAN:
            if name == small_input_name(family, pixels):
                return builder(family, pixels)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
