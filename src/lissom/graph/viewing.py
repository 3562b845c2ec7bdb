"""Let the views of a captured graph hold for any layout in memory.

Tracing leaves out copies that the layout of a tensor made needless then. What attention puts out is laid out in one
way or another, depending on the kernel that torch chooses for its sizes and precision; ``view`` refuses one of them.
"""

import torch
from torch import fx


def view_any_layout(module: fx.GraphModule) -> None:
    """Reshape wherever a graph views, in place: that is a view where one is possible, and a copy elsewhere."""
    for node in module.graph.nodes:
        if node.op == "call_function" and node.target is torch.ops.aten.view.default:
            node.target = torch.ops.aten.reshape.default
    module.recompile()
