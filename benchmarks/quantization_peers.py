"""What ONNX Runtime's and NNCF's own quantizers make of the same model with the same inputs."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx

Make = Callable[[Path], None]


def peers(fp32: Path, inputs: np.ndarray) -> Iterator[tuple[str, str, Make]]:
    """Each peer's name, the target that runs its file, and what makes the file."""
    for method in ("MinMax", "Percentile"):
        yield (
            f"peer-onnxruntime-{method.lower()}",
            "onnxruntime",
            lambda path, m=method: static_int8(fp32, inputs, m, path),
        )
    for preset in ("PERFORMANCE", "MIXED"):
        yield f"peer-nncf-{preset.lower()}", "openvino", lambda path, p=preset: _nncf(fp32, inputs, p, path)


def static_int8(fp32: Path, inputs: np.ndarray, method: str, path: Path) -> None:
    """ONNX Runtime's own static quantization, by channel."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
        name = onnx.load(prepared).graph.input[0].name
        feeds = iter([{name: inputs[place : place + 1]} for place in range(len(inputs))])

        class Reader(quantization.CalibrationDataReader):
            def get_next(self) -> Any:
                return next(feeds, None)

        quantization.quantize_static(
            str(prepared),
            str(path),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=getattr(quantization.CalibrationMethod, method),
        )


def _nncf(fp32: Path, inputs: np.ndarray, preset: str, path: Path) -> None:
    os.environ["NNCF_CI"] = "1"  # else it reports its use
    import nncf
    import openvino

    model = openvino.Core().read_model(fp32)
    given = nncf.Dataset([inputs[place : place + 1] for place in range(len(inputs))])
    made = nncf.quantize(model, given, preset=getattr(nncf.QuantizationPreset, preset), subset_size=len(inputs))
    openvino.save_model(made, path, compress_to_fp16=False)
