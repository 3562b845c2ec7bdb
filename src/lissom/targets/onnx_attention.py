"""Attention as the node that ONNX Runtime computes block by block, without the whole table of scores in memory.

The runtime has two kinds of attention: the standard's, which it computes in steps, and ``MultiHeadAttention`` of its
own (Dao et al. 2022, FlashAttention, on the processor).
"""

import onnx
from onnx import helper, shape_inference

OWN = "com.microsoft"
_SPLIT = [0, 2, 1, 3]  # (batch, length, heads, size) to (batch, heads, length, size) and back


def fuse_attention(model: onnx.ModelProto) -> int:
    """Put the runtime's own attention in the place of the standard's, in place.

    Only attention without a mask whose heads are split and joined right around it is replaced; what is no longer read
    is removed.

    Returns:
        How many were replaced.
    """
    graph = model.graph
    sizes = _sizes(model)
    made = {name: node for node in graph.node for name in node.output}
    read: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            read.setdefault(name, []).append(node)
    count = 0
    for node in [node for node in graph.node if node.op_type == "Attention" and node.domain in ("", "ai.onnx")]:
        inputs = [_before(made, name) for name in node.input if name]
        joined = _after(read, node.output[0], sizes)
        heads = sizes.get(node.input[0], ())
        if len(inputs) != 3 or any(node.output[1:]) or None in inputs or joined is None or len(heads) != 4:
            continue
        told = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if told.get("is_causal") or told.get("softcap"):
            continue
        names = [str(name) for name in inputs]
        own = helper.make_node("MultiHeadAttention", names, list(joined.output), domain=OWN)
        own.attribute.append(helper.make_attribute("num_heads", heads[1]))
        if "scale" in told:
            own.attribute.append(helper.make_attribute("scale", float(told["scale"])))
        graph.node.insert(list(graph.node).index(joined), own)
        graph.node.remove(joined)
        count += 1
    if count:
        model.opset_import.append(helper.make_opsetid(OWN, 1))
        _without_unread(graph)
    return count


def _sizes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shape of each value where it can be inferred; the batch, which is free, is 0."""
    known = shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    found = {item.name: [size.dim_value for size in item.type.tensor_type.shape.dim] for item in known}
    return {name: (0, *sizes[1:]) for name, sizes in found.items() if sizes and all(sizes[1:])}


def _before(made: dict[str, onnx.NodeProto], name: str) -> str | None:
    """What is split into heads to give a value."""
    split = made.get(name)
    shaped = made.get(split.input[0]) if split is not None and _is_split(split) else None
    return shaped.input[0] if shaped is not None and shaped.op_type == "Reshape" else None


def _after(
    read: dict[str, list[onnx.NodeProto]], name: str, sizes: dict[str, tuple[int, ...]]
) -> onnx.NodeProto | None:
    """The node that joins the heads again, where nothing else reads them on the way."""
    path = _only_readers(read, name)
    same = bool(path) and path[0].op_type == "Reshape" and name in sizes
    if same and sizes[name] == sizes.get(path[0].output[0]):  # a reshape that changes nothing
        path = path[1:]
    joins = len(path) >= 2 and _is_split(path[0]) and path[1].op_type == "Reshape"
    return path[1] if joins else None


def _only_readers(read: dict[str, list[onnx.NodeProto]], name: str) -> list[onnx.NodeProto]:
    """The next three nodes, as long as each is the only one to read the one before."""
    path: list[onnx.NodeProto] = []
    while len(path) < 3 and len(read.get(name, [])) == 1:
        path += read[name]
        name = path[-1].output[0]
    return path


def _is_split(node: onnx.NodeProto) -> bool:
    return node.op_type == "Transpose" and any(list(item.ints) == _SPLIT for item in node.attribute)


def _without_unread(graph: onnx.GraphProto) -> None:
    while True:
        wanted = {name for node in graph.node for name in node.input} | {item.name for item in graph.output}
        unread = [node for node in graph.node if not wanted.intersection(node.output)]
        if not unread:
            return
        for node in unread:
            graph.node.remove(node)
