"""What loaders of all tasks remark on in the same words."""

from collections.abc import Sequence

from lissom.workload.models import LoadedModel

_SHOWN = 20


def untrained(loaded: LoadedModel) -> tuple[str, ...]:
    """A note for a model without trained weights."""
    told = "random weights, as asked: agreement with the original stands in for the score"
    return () if loaded.pretrained else (told,)


def named(names: Sequence[str]) -> str:
    """The first of some names, which may have commas in them."""
    return "; ".join(names[:_SHOWN]) + ("; ..." if len(names) > _SHOWN else "")
