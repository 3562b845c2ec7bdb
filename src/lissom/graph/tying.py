"""Why the units of a group are one: the operators in which several activations share them."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from lissom.graph.adapting import innermost
from lissom.graph.maps import Maps
from lissom.graph.tags import Array
from lissom.graph.walking import Walk


def ties(found: Walk, held: Sequence[Array]) -> list[tuple[str, ...]]:
    """For each group the calls that tie it together, such as ``"add in layer1.0"``, in the order in which they run.

    Args:
        found: the model.
        held: the tags of each group.
    """
    owners = _owners(found.tags.count, held)
    result: list[list[str]] = [[] for _ in held]
    for node, call in found.calls.items():
        operands = [found.values.get(n) for n in node.all_input_nodes if n not in found.weights]
        if len(operands) > 1:
            for group in _shared(found, owners, operands):
                result[group].append(f"{call.name} in {innermost(node) or 'the model itself'}")
    return [tuple(dict.fromkeys(words)) for words in result]


def _owners(count: int, held: Sequence[Array]) -> list[Array]:
    """Tag -> group, or -1; in several layers, as groups of heads and of their cells overlap."""
    layers: list[Array] = []
    for number, tags in enumerate(held):
        free = next((layer for layer in layers if (layer[tags] < 0).all()), None)
        if free is None:
            layers.append(free := np.full(count, -1, dtype=np.int64))
        free[tags] = number
    return layers


def _shared(found: Walk, owners: Iterable[Array], operands: Sequence[object]) -> list[int]:
    """The groups that at least two of the operands carry."""
    seen: Counter[int] = Counter()
    for value in operands:
        if isinstance(value, Maps) and value.at:
            tags = np.unique(np.concatenate([found.tags.find(m.tags).ravel() for m in value.at.values()]))
            for layer in owners:
                mine = np.unique(layer[tags])
                seen.update(mine[mine >= 0].tolist())
    return [group for group, times in seen.items() if times > 1]
