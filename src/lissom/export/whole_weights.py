"""Weights that are whole numbers, held in an ONNX file as such: a quarter or half of its size, the same to the bit."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

_LEAST = 64  # numbers, for which a node more is worth it
_KINDS = (np.int8, np.int16)


def hold_whole_weights(model: onnx.ModelProto) -> None:
    """Hold each float32 initializer of small whole numbers in 8 or 16 bits, in place.

    Runtimes make float32 of them when they load the file: what is computed stays what it was.
    """
    graph = model.graph
    casts: list[onnx.NodeProto] = []
    for item in graph.initializer:
        values = numpy_helper.to_array(item)
        if values.dtype != np.float32 or values.size < _LEAST:
            continue
        largest = np.abs(values).max()
        kind = next((kind for kind in _KINDS if largest <= np.iinfo(kind).max), None)  # no NaN is
        if kind is None or not np.array_equal(np.rint(values), values):
            continue
        name = item.name
        item.CopyFrom(numpy_helper.from_array(values.astype(kind), f"{name}_whole"))
        casts.append(helper.make_node("Cast", [item.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
