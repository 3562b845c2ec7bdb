"""Make a trained PyTorch model small and fast enough for the device it has to run on, and prove it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lissom.api import Run, compress, load, profile
    from lissom.core.errors import LissomError
    from lissom.engine.options import Options

__all__ = ["LissomError", "Options", "Run", "compress", "load", "profile"]

_PLACES = {
    "LissomError": "lissom.core.errors",
    "Options": "lissom.engine.options",
    "Run": "lissom.api",
    "compress": "lissom.api",
    "load": "lissom.api",
    "profile": "lissom.api",
}


def __getattr__(name: str) -> Any:
    """Read the public names when they are first asked for, so that importing lissom does not import torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'lissom' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
