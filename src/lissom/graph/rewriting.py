"""Give a captured graph the sizes that are left after a cut, as a GraphModule that trains."""

import operator
from collections.abc import Mapping

import torch
from torch import fx, nn

from lissom.graph.capturing import Part
from lissom.graph.cut import Cut
from lissom.graph.inputs import describe_inputs
from lissom.graph.modes import SWITCH, add_modes
from lissom.graph.resizing import Changes
from lissom.graph.slicing import locate, sliced

INPUTS = "lissom_inputs"


def rewrite(part: Part, cut: Cut, changes: Changes) -> fx.GraphModule:
    """The graph of a part with its calls changed, over sliced copies of its state, with the same names."""
    module = part.program.module(check_guards=False)
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    graph.output(graph.graph_copy(module.graph, copied))
    graph.set_codegen(module.graph._codegen)
    by_name = {old.name: new for old, new in copied.items()}
    for node, new in changes.items():
        mine = by_name[node.name]
        twins = dict(zip(_inputs(node), _inputs(mine), strict=True))
        args, kwargs = fx.map_arg((new.args, dict(new.kwargs)), lambda n, twins=twins: twins[n])
        mine.target, mine.args, mine.kwargs = new.target, args, kwargs
    add_modes(graph)
    result = fx.GraphModule(_sliced_root(module, graph, part, cut), graph, type(part.module).__name__)
    result.meta[INPUTS] = describe_inputs(part.args, part.kwargs)
    return result.eval()


def _inputs(node: fx.Node) -> list[fx.Node]:
    """The nodes that a call reads, argument by argument."""
    found: list[fx.Node] = []
    fx.map_arg((node.args, node.kwargs), found.append)
    return found


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
        shared[id(old)] = sliced(old, kept)
    new = shared[id(old)]
    if isinstance(new, nn.Parameter):
        root.register_parameter(leaf, new)
    else:
        root.register_buffer(leaf, new, persistent=leaf not in owner._non_persistent_buffers_set)
