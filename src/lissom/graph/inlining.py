"""Take captured graphs out of blocks that only switch automatic mixed precision off."""

from typing import Any

import torch
from torch import fx


def inline_without_autocast(module: fx.GraphModule) -> None:
    """Put the calls of every ``with torch.autocast(..., enabled=False)`` into the graph around it, in place.

    A model runs there with the precisions that it names itself, which is how it is captured anyway.
    """
    changed = False
    for node in list(module.graph.nodes):
        if node.op == "call_function" and node.target is torch.ops.higher_order.wrap_with_autocast:
            changed |= _inline(module, node)
    if changed:
        module.graph.eliminate_dead_code()
        module.graph.lint()
        module.recompile()


def _inline(module: fx.GraphModule, node: fx.Node) -> bool:
    """Inline one block; whether that could be done."""
    _, _, enabled, _, block, *inputs = node.args
    inner = getattr(module, str(block.target)) if isinstance(block, fx.Node) else None
    if enabled or not isinstance(inner, fx.GraphModule) or any(n.op == "get_attr" for n in inner.graph.nodes):
        return False
    places: Any = (n for n in inner.graph.nodes if n.op == "placeholder")
    with module.graph.inserting_before(node):
        given: Any = dict(zip(places, inputs, strict=True))
        outputs: Any = module.graph.graph_copy(inner.graph, given)
    if isinstance(outputs, fx.Node):
        node.replace_all_uses_with(outputs)
    else:
        assert isinstance(outputs, (tuple, list)), "a block gives one tensor or several"
        for user in list(node.users):  # each takes one of the results
            place: Any = user.args[1]
            user.replace_all_uses_with(outputs[place])
            module.graph.erase_node(user)
    module.graph.erase_node(node)
    return True
