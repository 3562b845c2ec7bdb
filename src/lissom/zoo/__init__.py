"""Model families: what no library has is written here, the rest is delegated."""

from lissom.zoo.catalog import Entry, catalog, entry
from lissom.zoo.models import MODELS, build
from lissom.zoo.published import Published

__all__ = ["MODELS", "Entry", "Published", "build", "catalog", "entry"]
