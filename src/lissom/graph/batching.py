"""Free a captured graph from the batch size of its example inputs, as far as that can be.

The module is captured again with the batch doubled. Numbers in the graph that doubled too are batches; in the
delivered graph they become multiples of the size of the first input.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree

from lissom.core.errors import CaptureError
from lissom.graph.capturing import Part, evaluating, export

Places = dict[str, list[int]]


def free_batch(module: fx.GraphModule, part: Part) -> tuple[fx.GraphModule, str]:
    """The graph for any batch size, and a note; when it cannot be freed, the graph as it is and the reason.

    Args:
        module: the graph, rewritten to smaller sizes.
        part: what it was captured from.
    """
    batch = _batch(part)
    if batch is None:
        return module, "its inputs have no batch"
    note = f"for batches of {batch} only"
    args, kwargs = doubled(part)
    try:
        with evaluating(part.module):
            wide = export(part.name, part.module, args, kwargs)
    except CaptureError:
        return module, note
    places = batch_places(part.graph, wide.graph)
    if places is None:
        return module, note
    freed = _freed(module, places, batch)
    if freed is None or not _runs(freed, module, part, (args, kwargs)):
        return module, note
    freed.meta = dict(module.meta)
    return freed.eval(), ""


def _batch(part: Part) -> int | None:
    """The size of the first dimension of the first input."""
    for leaf in pytree.tree_leaves((part.args, dict(part.kwargs))):
        if isinstance(leaf, torch.Tensor):
            return leaf.shape[0] if leaf.dim() else None
    return None


def doubled(part: Part) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional inputs of a part and those by name with the batch doubled, where they have one."""
    batch = _batch(part)

    def double(value: Any) -> Any:
        has = isinstance(value, torch.Tensor) and value.dim() and value.shape[0] == batch
        return torch.cat([value, value]) if has else value

    return pytree.tree_map(double, (part.args, dict(part.kwargs)))


def batch_places(one: fx.Graph, two: fx.Graph) -> Places | None:
    """Where the numbers in the calls of ``two`` are double those of ``one``: name of a node -> places among its
    flattened arguments. None when the graphs differ in another way."""
    first, second = list(one.nodes), list(two.nodes)
    if len(first) != len(second):
        return None
    places: Places = {}
    for a, b in zip(first, second, strict=True):
        if (a.op, a.target) != (b.op, b.target) and a.op == "call_function":
            return None
        left, right = (pytree.tree_leaves((n.args, n.kwargs)) for n in (a, b))
        if len(left) != len(right):
            return None
        for place, (x, y) in enumerate(zip(left, right, strict=True)):
            if isinstance(x, int) and not isinstance(x, bool) and x != y:
                if y != 2 * x:
                    return None
                places.setdefault(a.name, []).append(place)
    return places


def _freed(module: fx.GraphModule, places: Mapping[str, Sequence[int]], batch: int) -> fx.GraphModule | None:
    """A copy of the graph (over the same tensors) in which the numbers at ``places`` follow the batch."""
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    graph.output(graph.graph_copy(module.graph, copied))
    graph.set_codegen(module.graph._codegen)
    by_name = {old.name: new for old, new in copied.items()}
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    sources = [node for node in inputs if isinstance(node.meta.get("val"), torch.Tensor)]
    if not sources:
        return None
    with graph.inserting_after(inputs[-1]):
        size = graph.call_function(torch.ops.aten.sym_size.int, (sources[0], 0))
    products: dict[int, fx.Node] = {1: size}
    for name, found in places.items():
        node = by_name[name]
        leaves, spec = pytree.tree_flatten((node.args, node.kwargs))
        for place in found:
            if place >= len(leaves) or not isinstance(leaves[place], int) or leaves[place] % batch:
                return None
            factor = leaves[place] // batch
            if factor not in products:
                with graph.inserting_after(size):
                    products[factor] = graph.call_function(operator.mul, (size, factor))
            leaves[place] = products[factor]
        node.args, node.kwargs = pytree.tree_unflatten(leaves, spec)
    graph.lint()
    return fx.GraphModule(module, graph, type(module).__name__)


def _runs(freed: fx.GraphModule, module: fx.GraphModule, part: Part, doubled: Any) -> bool:
    """Whether the freed graph fits twice the inputs: its outputs have the shapes of the original graph's, or are
    twice as long. Shapes alone are followed: each number that is not as captured is as captured with twice the batch.
    """
    args, kwargs = doubled
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode, torch.no_grad():
            once = pytree.tree_leaves(module(*_shapes(part.args, mode), **_shapes(dict(part.kwargs), mode)))
            twice = pytree.tree_leaves(freed(*_shapes(args, mode), **_shapes(kwargs, mode)))
    except Exception:  # a batch that is more than a batch to some operator
        return False
    return all(_as_many_or_twice(a, b) for a, b in zip(once, twice, strict=True) if isinstance(a, torch.Tensor))


def _shapes(values: Any, mode: FakeTensorMode) -> Any:
    """The values with tensors that have a shape and no content."""
    return pytree.tree_map(lambda v: mode.from_tensor(v) if isinstance(v, torch.Tensor) else v, values)


def _as_many_or_twice(one: torch.Tensor, two: torch.Tensor) -> bool:
    twice = (2 * one.shape[0], *one.shape[1:]) if one.dim() else ()
    return two.shape in (one.shape, twice)
