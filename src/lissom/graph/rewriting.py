"""Give a captured graph the sizes that are left after a cut, as a GraphModule that trains."""

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from lissom.graph.capturing import Part
from lissom.graph.closing import Flags
from lissom.graph.cut import Cut
from lissom.graph.inputs import describe_inputs
from lissom.graph.maps import Maps
from lissom.graph.modes import SWITCH, add_modes
from lissom.graph.rules.table import RESIZES, Call, Living, Replacement
from lissom.graph.slicing import locate, sliced
from lissom.graph.walking import Walk

INPUTS = "lissom_inputs"
Changes = dict[fx.Node, fx.Node]


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


def rewrite(found: Walk, part: Part, cut: Cut, dead: Flags) -> tuple[fx.GraphModule, Changes]:
    """The graph of a part with the sizes that are left, over sliced copies of its state, with the same names.

    Returns:
        The module, and the nodes of the captured graph that had to change -> the new ones.
    """
    module = part.program.module(check_guards=False)
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    graph.output(graph.graph_copy(module.graph, copied))
    graph.set_codegen(module.graph._codegen)
    by_name = {old.name: new for old, new in copied.items()}
    changed: Changes = {}
    living = living_sizes(found, dead)
    for node in part.graph.nodes:
        call = found.calls.get(node)
        resize = RESIZES.get(call.name) if call is not None else None
        if call is None or resize is None:
            continue
        change = resize(call, living, found.values[node])
        if change is not None and _apply(call, by_name, change):
            changed[node] = by_name[node.name]
    add_modes(graph)
    result = fx.GraphModule(_sliced_root(module, graph, part, cut), graph, type(part.module).__name__)
    result.meta[INPUTS] = describe_inputs(part.args, part.kwargs)
    return result.eval(), changed


def _apply(call: Call, by_name: Mapping[str, fx.Node], change: Any) -> bool:
    """Write new arguments into the copied node; False when they are what they were."""
    node = by_name[call.node.name]
    if isinstance(change, Replacement):
        node.target, node.kwargs = change.target, {}
        node.args = fx.map_arg(change.args, lambda n: by_name[n.name])
        return True
    args, kwargs = list(node.args), dict(node.kwargs)
    names = [argument.name for argument in call.node.target._schema.arguments]  # type: ignore[union-attr]
    for name, value in change.items():
        place = names.index(name)
        if place < len(args):
            args[place] = value
        else:
            kwargs[name] = value
    node.args, node.kwargs = tuple(args), kwargs
    return any(call.args.get(name) != value for name, value in change.items())


def _sliced_root(module: fx.GraphModule, graph: fx.Graph, part: Part, cut: Cut) -> nn.Module:
    """Modules with the same names that hold the sliced state, and what else the graph asks for."""
    root = nn.Module()
    shared: dict[int, torch.Tensor] = {}
    named = [*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)]
    wanted = [str(node.target) for node in graph.nodes if node.op == "get_attr"]
    for name in dict.fromkeys([*wanted, *(name for name, _ in named)]):
        if name == SWITCH:
            root.add_module(SWITCH, nn.Identity())
        elif (owner := locate(module, name)[0]) is not None:
            _copy_tensor(owner, root, name, cut.kept.get(part.full(name), {}), shared)
        else:
            root.add_module(name, operator.attrgetter(name)(module))
    return root


def _copy_tensor(
    owner: nn.Module, root: nn.Module, name: str, kept: Mapping[int, tuple[int, ...]], shared: dict[int, torch.Tensor]
) -> None:
    path, _, leaf = name.rpartition(".")
    old = getattr(owner, leaf)
    for step in path.split(".") if path else []:
        if step not in root._modules:
            root.add_module(step, nn.Module())
        root = root.get_submodule(step)
    if id(old) not in shared:
        new = sliced(old, kept)
        is_parameter = isinstance(old, nn.Parameter)
        shared[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad) if is_parameter else new
    new = shared[id(old)]
    if isinstance(new, nn.Parameter):
        root.register_parameter(leaf, new)
    else:
        root.register_buffer(leaf, new, persistent=leaf not in owner._non_persistent_buffers_set)
