"""Layers that can lose nothing of what they make, and the operators that need all of it."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch import fx

from lissom.graph.tags import PINNED, Array
from lissom.graph.walking import Walk, name_of

SHOWN = 3


def whole_layers(found: Walk) -> list[str]:
    """A note for each operator that holds layers whole. What makes the model's outputs needs no word, nor does what an
    operator without a rule touches, which is said by itself."""
    layers = list(_whole(found))
    if not layers:
        return []
    causes = found.tags.causes(np.array([tag for _, tag in layers], dtype=np.int64))
    held: dict[str, list[str]] = {}
    for (layer, _), cause in zip(layers, causes, strict=True):
        if isinstance(cause, fx.Node) and cause.op == "call_function" and name_of(cause) not in found.unknown:
            names = held.setdefault(name_of(cause), [])
            if layer not in names:
                names.append(layer)
    return [f"{name}: needs all that {_listed(names)}" for name, names in held.items()]


def _whole(found: Walk) -> Iterator[tuple[str, int]]:
    """Layers all of whose outputs are pinned, by a tag of each."""
    for (name, dim), role in found.roles.items():
        tags: Array | None = found.state[name].at[dim].tags if dim in found.state[name].at else None
        if role == "producer" and tags is not None and (found.tags.find(tags) == PINNED).all():
            yield name.rpartition(".")[0] or name, int(tags.ravel()[0])


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} makes, so it stays as wide as it is"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more} make, so they stay as wide as they are"
