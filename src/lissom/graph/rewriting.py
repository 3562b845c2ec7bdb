"""Give the captured graph the sizes that are left after a cut, as a GraphModule that trains."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from lissom.graph.closing import Flags
from lissom.graph.cut import Cut
from lissom.graph.inputs import describe_inputs
from lissom.graph.maps import Maps
from lissom.graph.modes import add_modes
from lissom.graph.rules.table import RESIZES, Call, Living, Replacement
from lissom.graph.slicing import locate, sliced
from lissom.graph.walking import Walk

INPUTS = "lissom_inputs"


def living_sizes(found: Walk, dead: Flags) -> Living:
    """A function from tags to the sizes that are left."""

    def sizes(maps: Maps) -> tuple[int, ...]:
        return tuple(_left(found, dead, maps, dim) for dim in range(maps.rank))

    return sizes


def _left(found: Walk, dead: Flags, maps: Maps, dim: int) -> int:
    m = maps.at.get(dim)
    if m is None:
        return maps.shape[dim]
    alive = ~dead[found.tags.find(m.tags)]
    counts = np.unique(alive.sum(axis=-1))
    living = counts[counts > 0]
    assert len(living) <= 1, "rows of unequal length"
    return int(living[0]) if len(living) else 0


def rewrite(found: Walk, cut: Cut, dead: Flags) -> tuple[fx.GraphModule, dict[fx.Node, fx.Node]]:
    """The graph with the sizes that are left, over sliced copies of the state, with the same names.

    Returns:
        The module, and the nodes of the captured graph that had to change -> the new ones.
    """
    module = found.capture.program.module(check_guards=False)
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    graph.output(graph.graph_copy(module.graph, copied))
    graph.set_codegen(module.graph._codegen)
    by_name = {old.name: new for old, new in copied.items()}
    changed: dict[fx.Node, fx.Node] = {}
    living = living_sizes(found, dead)
    for node, call in found.calls.items():
        resize = RESIZES.get(call.name)
        if resize is None:
            continue
        change = resize(call, living, found.values[node])
        if change is not None and _apply(call, by_name, change):
            changed[node] = by_name[node.name]
    add_modes(graph)
    root = _sliced_root(module, graph, cut)
    result = fx.GraphModule(root, graph, type(found.capture.model).__name__)
    result.meta[INPUTS] = describe_inputs(found.capture.args, found.capture.kwargs)
    result.eval()
    return result, changed


def _apply(call: Call, by_name: dict[str, fx.Node], change: Any) -> bool:
    """Write new arguments into the copied node; False when they are what they were."""
    node = by_name[call.node.name]
    here: Callable[[Any], Any] = lambda value: fx.map_arg(value, lambda n: by_name[_alias(n)])  # noqa: E731
    if isinstance(change, Replacement):
        node.target, node.args, node.kwargs = change.target, here(change.args), {}
        return True
    args, kwargs = list(node.args), dict(node.kwargs)
    names = [argument.name for argument in call.node.target._schema.arguments]  # type: ignore[union-attr]
    same = True
    for name, value in change.items():
        same = same and call.args.get(name) == value
        place = names.index(name)
        if place < len(args):
            args[place] = value
        else:
            kwargs[name] = value
    node.args, node.kwargs = tuple(args), kwargs
    return not same


def _alias(node: fx.Node) -> str:
    return node.name


def _sliced_root(module: fx.GraphModule, graph: fx.Graph, cut: Cut) -> nn.Module:
    """Modules with the same names that hold the sliced state."""
    root = nn.Module()
    shared: dict[int, torch.Tensor] = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            _copy_tensor(module, root, str(node.target), cut, shared)
    for name in [
        *dict(module.named_parameters(remove_duplicate=False)),
        *dict(module.named_buffers(remove_duplicate=False)),
    ]:
        _copy_tensor(module, root, name, cut, shared)
    return root


def _copy_tensor(module: nn.Module, root: nn.Module, name: str, cut: Cut, shared: dict[int, torch.Tensor]) -> None:
    owner, leaf = locate(module, name)
    if owner is None:
        source = operator.attrgetter(name)(module) if not name.startswith("lissom_") else nn.Identity()
        if isinstance(source, nn.Module):
            root.add_module(name, source)
        return
    old = getattr(owner, leaf)
    path, _, leaf = name.rpartition(".")
    for part in path.split(".") if path else []:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root._modules[part]  # type: ignore[assignment]
    if id(old) not in shared:
        new = sliced(old, cut.kept.get(name, {}))
        is_parameter = isinstance(old, nn.Parameter)
        shared[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad) if is_parameter else new
    new = shared[id(old)]
    if isinstance(new, nn.Parameter):
        root.register_parameter(leaf, new)
    else:
        root.register_buffer(leaf, new, persistent=leaf not in getattr(owner, "_non_persistent_buffers_set", ()))
