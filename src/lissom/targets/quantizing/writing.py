"""A graph with ranges as a graph of QuantizeLinear and DequantizeLinear, written by ONNX Runtime's quantizer."""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from lissom.export.onnx_file import quiet
from lissom.targets.quantizing.layers import weighted_layers
from lissom.targets.quantizing.ranges import Range

ACTIVATIONS = ("Relu", "Clip")


def quantized(
    model: onnx.ModelProto,
    ranges: dict[str, Range],
    *,
    floats: tuple[str, ...] = (),
    seven_bits: bool = False,
    biases: bool = True,
) -> onnx.ModelProto:
    """Quantize a prepared graph: weights by channel in signed, activations in unsigned 8 bits.

    Args:
        model: with shapes inferred.
        ranges: of all values, by name.
        floats: names of nodes that stay in float, and read what was not rounded.
        seven_bits: keep weights to 7 bits, except where products are not summed in pairs (depthwise).
        biases: store biases as 32-bit integers, as ONNX Runtime wants them.
    """
    extra = {
        "QuantizeBias": biases,
        "TensorQuantOverrides": {
            layer.weight: [{"axis": 0 if layer.outputs_first else 1, "reduce_range": False}]  # by channel only if said
            for layer in weighted_layers(model)
            if seven_bits and layer.groups > 1
        },
    }
    data: dict[str, TensorData | tuple[Any, ...]] = {}
    for name, (low, high) in ranges.items():
        data[name] = TensorData(lowest=np.float32(low), highest=np.float32(high))
    given = onnx.ModelProto()
    given.CopyFrom(model)
    whole = {*floats, *_activations_before(model, floats)}
    with quiet():
        work = QDQQuantizer(
            given,
            True,
            seven_bits,
            QuantType.QInt8,
            QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, data),
            [],
            sorted(whole),
            list({*QLinearOpsRegistry, *QDQRegistry}),
            extra,
        )
        work.quantize_model()
        work.model.topological_sort()
    _read_unrounded(work.model.model.graph, whole)
    return work.model.model


def _activations_before(model: onnx.ModelProto, floats: tuple[str, ...]) -> Iterator[str]:
    """The activations whose values these nodes read: the quantizer makes a ReLU a part of the rounding after it."""
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        maker = makers.get(node.input[0]) if node.name in floats and node.input else None
        if maker is not None and maker.op_type in ACTIVATIONS:
            yield maker.name


def _read_unrounded(graph: onnx.GraphProto, floats: Collection[str]) -> None:
    """Let nodes read their inputs as they were before QuantizeLinear and DequantizeLinear, and drop what nobody reads.

    The quantizer rounds the output of a layer whoever reads it.
    """
    if not floats:
        return
    makers = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.name in floats:
            for place, name in enumerate(node.input):
                back = makers.get(name)
                rounded = makers.get(back.input[0]) if back is not None and back.op_type == "DequantizeLinear" else None
                if rounded is not None and rounded.op_type == "QuantizeLinear":
                    node.input[place] = rounded.input[0]
    for kind in ("DequantizeLinear", "QuantizeLinear"):
        read = {item.name for item in graph.output}.union(*(node.input for node in graph.node))
        for node in [node for node in graph.node if node.op_type == kind and node.output[0] not in read]:
            graph.node.remove(node)
    read = set[str]().union(*(node.input for node in graph.node))
    for item in [item for item in graph.initializer if item.name not in read]:
        graph.initializer.remove(item)
