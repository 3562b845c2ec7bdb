"""What the calls of a captured graph look like with the sizes that are left after a cut."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.export.graph_signature import InputKind, OutputKind
from torch.utils import _pytree as pytree

from lissom.graph.capturing import Part
from lissom.graph.closing import Flags
from lissom.graph.exciting import precise
from lissom.graph.maps import Maps
from lissom.graph.rules.table import RESIZES, Call, Change, Living, Replacement
from lissom.graph.walking import Walk


@dataclass(frozen=True)
class Resized:
    """A call as it has to be now; its arguments name nodes of the captured graph."""

    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


Changes = dict[fx.Node, Resized]


def resize(found: Walk, part: Part, dead: Flags) -> Changes:
    """The calls of a part that have to change -> what they become."""
    changes: Changes = {}
    living = living_sizes(found, dead)
    for node in part.graph.nodes:
        call = found.calls.get(node)
        rule = RESIZES.get(call.name) if call is not None else None
        if call is not None and rule is not None:
            change = rule(call, living, found.values[node])
            if isinstance(change, Replacement):
                changes[node] = Resized(change.target, change.args, {})
            elif change is not None and any(call.args.get(name) != value for name, value in change.items()):
                changes[node] = _with(call, change)
    return changes


def living_sizes(found: Walk, dead: Flags) -> Living:
    """A function from tags to the sizes that are left."""

    def left(maps: Maps, dim: int) -> int:
        m = maps.at.get(dim)
        if m is None:
            return maps.shape[dim]
        counts = np.unique((~dead[found.tags.find(m.tags)]).sum(axis=-1))
        living = counts[counts > 0]
        assert len(living) <= 1, "rows of unequal length"
        return int(living[0]) if len(living) else 0

    return lambda maps: tuple(left(maps, dim) for dim in range(maps.rank))


def _with(call: Call, change: Change) -> Resized:
    """The call with new values for some of its arguments."""
    args, kwargs = list(call.node.args), dict(call.node.kwargs)
    operator: Any = call.node.target
    names = [argument.name for argument in operator._schema.arguments]
    for name, value in change.items():
        place = names.index(name)
        if place < len(args):
            args[place] = value
        else:
            kwargs[name] = value
    return Resized(operator, tuple(args), kwargs)


def run_resized(
    part: Part,
    changes: Changes,
    state: Mapping[str, torch.Tensor],
    inputs: Any,
    note: Callable[[fx.Node, Any], None],
) -> list[Any]:
    """What a part puts out with the sizes that are left, in double precision, flat.

    Args:
        part: what was captured.
        changes: its calls that changed.
        state: its parameters, buffers and constants by name in the part, with what is left of them.
        inputs: positional inputs, and inputs by name.
        note: is told what each node of the captured graph gives.
    """
    signature = part.program.graph_signature
    given = iter(pytree.tree_leaves(inputs))
    values = [next(given) if s.kind == InputKind.USER_INPUT else state[str(s.target)] for s in signature.input_specs]
    outputs = _Interpreter(part.program.graph_module, changes, note).run(*values)
    return [out for out, s in zip(outputs, signature.output_specs, strict=True) if s.kind == OutputKind.USER_OUTPUT]


class _Interpreter(fx.Interpreter):
    """Calls what the changes say, with the precisions that are written into the graph doubled."""

    def __init__(self, module: fx.GraphModule, changes: Changes, note: Callable[[fx.Node, Any], None]) -> None:
        super().__init__(module)
        self.changes = changes
        self.note = note

    def run_node(self, n: fx.Node) -> Any:
        if n.op != "call_function":
            return super().run_node(n)
        new: Any = self.changes.get(n, n)
        given: Any = (new.args, dict(new.kwargs))
        mapped: Any = self.map_nodes_to_values(given, n)
        args, kwargs = pytree.tree_map(precise, mapped)
        result = new.target(*args, **kwargs)
        self.note(n, result)
        return result
