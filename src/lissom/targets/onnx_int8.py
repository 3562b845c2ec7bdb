"""Static INT8 for ONNX Runtime: per channel, unsigned activations with signed weights.

Without 8-bit dot products (VNNI) the runtime adds pairs of products in 16 bits, which saturates; weights then
keep to 7 bits (``reduce_range``), which costs no time. The types are the ones that are fast on x86: signed
activations were measured up to 3.4 times slower than FP32.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from lissom.core.files import whole_file
from lissom.core.machine import has_int8_dot_product
from lissom.export.onnx_file import quiet
from lissom.targets.target import Artefact, Inputs, check_calibration

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


def quantize_static_int8(artefact: Artefact, calibration: Inputs, path: Path, *, method: str = "minmax") -> Artefact:
    """Quantize an FP32 ONNX file.

    Args:
        artefact: the FP32 artefact.
        calibration: batches of inputs, each a list of arrays ``(batch, ...)``.
        path: where to write the INT8 file.
        method: how ranges of activations are chosen, one of ``METHODS``.

    Raises:
        LissomError: calibration inputs that are empty or hold NaN or infinity.
    """
    check_calibration(calibration)
    reduce_range = not has_int8_dot_product()
    with tempfile.TemporaryDirectory() as folder, quiet():
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(artefact.path), str(prepared), skip_symbolic_shape=True)
        names = [item.name for item in onnx.load(prepared).graph.input]
        quantized = Path(folder) / "quantized.onnx"
        quantize_static(
            str(prepared),
            str(quantized),
            _Reader(names, calibration),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=reduce_range,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=METHODS[method],
        )
        model = onnx.load(quantized)
        shorten_names(model)
        with whole_file(path) as temporary:
            onnx.save(model, temporary)
    note = f"static INT8, {method} calibration" + (", weights in 7 bits: no VNNI here" if reduce_range else "")
    return Artefact(path, "int8", (*artefact.notes, note))


def shorten_names(model: onnx.ModelProto) -> None:
    """Give inner values and nodes short names: in a small network the names are a tenth of the file."""
    graph = model.graph
    outer = {item.name for item in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": "", **{name: name for name in outer}}

    def renamed(name: str) -> str:
        return short.setdefault(name, f"v{len(short)}")

    for node in graph.node:
        node.name = ""
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
    for initializer in graph.initializer:
        initializer.name = renamed(initializer.name)
    del graph.value_info[:]


class _Reader(CalibrationDataReader):
    def __init__(self, names: list[str], batches: Inputs) -> None:
        self._feeds: Iterator[dict[str, np.ndarray]] = iter([dict(zip(names, batch, strict=True)) for batch in batches])

    def get_next(self) -> dict[str, np.ndarray]:
        # the runtime ends its reading at the first value that is not true
        return next(self._feeds, {})
