"""Where fetched data is kept."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """``LISSOM_CACHE``, or ``lissom`` in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lissom"
    return Path(os.environ.get("LISSOM_CACHE") or default)
