"""What is asked of the loader of any task, whatever its data are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """The common part of a call to ``lissom.load``; that function documents the fields."""

    data: Any
    weights: Path | None = None
    random_weights: bool = False
    download: bool = False
    seed: int = 0
    keep: tuple[str, ...] = ()
    select: float | None = None
    limit: int | None = None
