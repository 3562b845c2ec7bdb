"""The table of model builders: names as torchvision, timm or we call them, read lazily."""

from typing import TYPE_CHECKING, Any

from lissom.core.errors import MissingExtraError
from lissom.core.tables import Table
from lissom.zoo.names import OURS, TIMM, TORCHVISION

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

MODELS = Table(
    "model of the zoo",
    {
        **{name: f"lissom.zoo.{module}:{name}" for module, names in OURS.items() for name in names},
        **{name: f"torchvision.models:{name}" for name in TORCHVISION},
        **{name: f"timm.models:{name}" for name in TIMM},
    },
)

_EXTRAS = {"timm": "timm", "transformers": "text"}


def build(name: str, **kwargs: Any) -> "nn.Module":
    """Build the model called ``name`` with random weights.

    Args:
        name: an entry of :data:`MODELS`.
        kwargs: options of its builder, such as ``num_classes``.

    Raises:
        LissomError: there is no such model (close matches are named).
        MissingExtraError: the library that provides it is not installed.
    """
    return builder_of(name)(**kwargs)


def builder_of(name: str) -> "Callable[..., nn.Module]":
    """What builds the model called ``name``.

    Raises:
        LissomError: there is no such model (close matches are named).
        MissingExtraError: the library that provides it is not installed.
    """
    try:
        return MODELS.get(name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        raise MissingExtraError(package, _EXTRAS[package], f"the model {name!r}") from error
