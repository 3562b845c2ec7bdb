"""Dynamic INT8 for models of texts on ONNX Runtime: weights in 8 bits, activations scaled anew for each input.

The activations of encoders have a few values far from all others, and texts have any length: ranges fixed beforehand
cost points that ranges of the input at hand do not.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from lissom.core.files import whole_file
from lissom.core.machine import has_int8_dot_product
from lissom.export.onnx_file import quiet
from lissom.targets.onnx_int8 import shorten_names
from lissom.targets.target import INT8, Artefact, Inputs


def are_tokens(inputs: Inputs) -> bool:
    """Whether a model reads whole numbers alone."""
    return bool(inputs) and all(array.dtype.kind in "iu" for batch in inputs for array in batch)


def quantize_dynamic_int8(artefact: Artefact, path: Path, kinds: Sequence[str] | None = None) -> Artefact:
    """Quantize an FP32 ONNX file: products with constants, and embeddings.

    Args:
        artefact: the FP32 artefact.
        path: where to write the INT8 file.
        kinds: of operators; by default all that the runtime knows.
    """
    reduce_range = not has_int8_dot_product()
    with tempfile.TemporaryDirectory() as folder, quiet():
        prepared, quantized = Path(folder) / "prepared.onnx", Path(folder) / "quantized.onnx"
        quant_pre_process(str(artefact.path), str(prepared), skip_symbolic_shape=True)
        quantize_dynamic(
            prepared,
            quantized,
            op_types_to_quantize=None if kinds is None else list(kinds),
            per_channel=True,
            reduce_range=reduce_range,
            weight_type=QuantType.QInt8,
        )
        model = onnx.load(quantized)
        shorten_names(model)
        with whole_file(path) as temporary:
            onnx.save(model, temporary)
    note = "dynamic INT8" + (", weights in 7 bits: no VNNI here" if reduce_range else "")
    return Artefact(path, INT8, (*artefact.notes, note))
