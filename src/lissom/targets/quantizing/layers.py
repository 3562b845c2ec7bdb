"""The layers of an ONNX graph that have weights: where they read and write, and their numbers as matrices."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from numpy.lib.stride_tricks import sliding_window_view
from onnx import numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process

from lissom.export.onnx_file import quiet

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A convolution or matrix product with a constant weight.

    ``name`` is that of its node; ``read`` and ``written`` are the names of values, ``weight`` and ``bias`` those of
    initializers. Geometry is that of a convolution over ``len(strides)`` dimensions, none for a matrix product.
    """

    name: str
    kind: str
    read: str
    written: str
    weight: str
    bias: str | None
    outputs_first: bool
    groups: int = 1
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()


def prepared(path: Path) -> onnx.ModelProto:
    """An ONNX file with shapes inferred and BatchNorm folded, ready to be quantized."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        made = Path(folder) / "prepared.onnx"
        quant_pre_process(str(path), str(made), skip_symbolic_shape=True)
        model = onnx.load(made)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return model


def weighted_layers(model: onnx.ModelProto) -> list[Layer]:
    """All layers with a weight, in the order of computation."""
    known = {item.name for item in model.graph.initializer}
    return [layer for node in model.graph.node if (layer := _layer(node, known)) is not None]


def _layer(node: onnx.NodeProto, known: set[str]) -> Layer | None:
    if node.op_type not in ("Conv", "Gemm", "MatMul") or node.input[1] not in known or node.input[0] in known:
        return None
    facts = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    bias = node.input[2] if len(node.input) > 2 and node.input[2] in known else None
    ends = (node.name, node.op_type, node.input[0], node.output[0], node.input[1], bias)
    if node.op_type != "Conv":
        return Layer(*ends, outputs_first=node.op_type == "Gemm" and bool(facts.get("transB", 0)))
    rank = len(facts.get("kernel_shape", (1, 1)))
    return Layer(
        *ends,
        outputs_first=True,
        groups=int(facts.get("group", 1)),
        strides=tuple(facts.get("strides", (1,) * rank)),
        pads=tuple(facts.get("pads", (0,) * 2 * rank)),
        dilations=tuple(facts.get("dilations", (1,) * rank)),
    )


def as_rows(layer: Layer, weight: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A weight as ``(groups, outputs of a group, features)``."""
    matrix = weight.reshape(len(weight), -1) if layer.outputs_first else weight.T
    return matrix.reshape(layer.groups, -1, matrix.shape[1])


def from_rows(layer: Layer, rows: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The weight again, of the shape that it had."""
    matrix = rows.reshape(-1, rows.shape[-1])
    return matrix.reshape(shape) if layer.outputs_first else np.ascontiguousarray(matrix.T)


def read_rows(layer: Layer, read: Floats, kernel: tuple[int, ...], places: npt.NDArray[np.int64]) -> Floats:
    """What a layer reads at some places of its output.

    Args:
        layer: the layer.
        read: its input, ``(batch, channels, *space)``, or ``(..., features)`` for a matrix product.
        kernel: the size of its kernel, empty for a matrix product.
        places: numbers drawn at random, turned into positions of the output (or rows).

    Returns:
        ``(groups, rows, features)``, features as in :func:`as_rows`.
    """
    if not kernel:
        rows = read.reshape(-1, read.shape[-1])
        return rows[np.unique(places % len(rows))][None]
    rank = len(kernel)
    around = [(layer.pads[axis], layer.pads[axis + rank]) for axis in range(rank)]
    padded = np.pad(read, [(0, 0), (0, 0), *around])
    spans = tuple((size - 1) * step + 1 for size, step in zip(kernel, layer.dilations, strict=True))
    windows = sliding_window_view(padded, spans, axis=tuple(range(2, 2 + rank)))
    thin = [slice(None, None, step) for step in (*layer.strides, *layer.dilations)]
    windows = windows[(slice(None), slice(None), *thin)]
    space = windows.shape[2 : 2 + rank]
    spots = np.unravel_index(np.unique(places % int(np.prod(space))), space)
    taken = windows[(slice(None), slice(None), *spots)]  # (batch, channels, places, *kernel)
    batch, channels, count = taken.shape[:3]
    split = taken.reshape(batch, layer.groups, channels // layer.groups, count, -1)
    return split.transpose(1, 0, 3, 2, 4).reshape(layer.groups, batch * count, -1)


def initial(model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The initializers of a graph by name."""
    return {item.name: item for item in model.graph.initializer}


def put(model: onnx.ModelProto, name: str, value: npt.NDArray[Any]) -> None:
    """Replace an initializer."""
    found = initial(model)[name]
    found.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))


def up_to(model: onnx.ModelProto, values: Iterable[str]) -> onnx.ModelProto:
    """The part of a graph that computes ``values``, which become its outputs."""
    wanted, kept = set(values), []
    outputs = sorted(wanted)
    for node in reversed(model.graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    part = onnx.ModelProto()
    part.CopyFrom(model)
    del part.graph.node[:], part.graph.output[:], part.graph.initializer[:], part.graph.value_info[:]
    part.graph.node.extend(reversed(kept))
    part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    part.graph.initializer.extend(item for item in model.graph.initializer if item.name in wanted)
    return part
