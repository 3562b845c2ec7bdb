"""A graph with ranges as a graph of QuantizeLinear and DequantizeLinear, written by ONNX Runtime's quantizer."""

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
        floats: names of nodes that stay in float.
        seven_bits: keep weights to 7 bits, except where products are not summed in pairs (depthwise).
        biases: store biases as 32-bit integers, as ONNX Runtime wants them.
    """
    extra = {
        "QuantizeBias": biases,
        "TensorQuantOverrides": {
            layer.weight: [{"reduce_range": False}]
            for layer in weighted_layers(model)
            if seven_bits and layer.groups > 1
        },
    }
    data: dict[str, TensorData | tuple[Any, ...]] = {}
    for name, (low, high) in ranges.items():
        data[name] = TensorData(lowest=np.float32(low), highest=np.float32(high))
    given = onnx.ModelProto()
    given.CopyFrom(model)
    with quiet():
        work = QDQQuantizer(
            given,
            True,
            seven_bits,
            QuantType.QInt8,
            QuantType.QUInt8,
            TensorsData(CalibrationMethod.MinMax, data),
            [],
            list(floats),
            list({*QLinearOpsRegistry, *QDQRegistry}),
            extra,
        )
        work.quantize_model()
        work.model.topological_sort()
    return work.model.model
