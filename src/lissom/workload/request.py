"""What is asked of the loader of any task, whatever its data are."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError

MOST_SEED = 2**32 - 1  # that every generator takes


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

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.select is not None and not 0 < self.select < math.inf:
            raise LissomError(
                f"a select split of {self.select:g} is not possible",
                hint="give a share such as 0.1, or a number of examples",
            )


def check_seed(seed: int) -> None:
    """Refuse a seed that a generator of random numbers would not take.

    Raises:
        LissomError: it is below 0 or above :data:`MOST_SEED`.
    """
    if not 0 <= seed <= MOST_SEED:
        raise LissomError(f"seed is {seed}; it starts at 0 and ends at {MOST_SEED}", hint="give another number")
