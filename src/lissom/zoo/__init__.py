"""Model families: what no library has is written here, the rest is delegated."""

from lissom.zoo.models import MODELS, build

__all__ = ["MODELS", "build"]
