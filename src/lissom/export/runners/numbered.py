"""Names with numbers in them, in order: ``args_2`` before ``args_10``. Carried into bundles beside the runner."""

import re


def by_number(name: str) -> list[tuple[int, str]]:
    """What to sort names by, so that the numbers in them count as such."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
