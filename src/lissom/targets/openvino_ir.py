"""OpenVINO on the processor: a network as ``.xml`` with its weights as ``.bin``."""

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lissom.core.errors import LissomError, first_line
from lissom.core.files import whole_file
from lissom.targets.quantizing.recipes import RECIPES
from lissom.targets.target import (
    FP16,
    FP32,
    INT8,
    Artefact,
    Inputs,
    Recipe,
    Source,
    Target,
    check_calibration,
    check_precision,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

_BETWEEN = re.compile(r">\s+<")
_MOVED = (
    "Reorder",
    "Reshape",
    "Concatenation",
    "Split",
    "Transpose",
    "Gather",
    "GatherElements",
    "GatherND",
    "Convert",
)
_SHAPES = ("ShapeOf", "StridedSlice", "Broadcast", "Range")
_FREE = ("Input", "Output", "Const", *_MOVED, *_SHAPES)  # compute nothing
_CONVOLUTIONS = ("Convolution", "Deconvolution")


class OpenVino(Target):
    """OpenVINO's CPU plugin. FP16 halves the file; it is computed in FP32 where the processor has no FP16."""

    name = "openvino"
    title = "OpenVINO"
    suffixes = (".xml", ".bin")
    precisions = (FP32, FP16, INT8)
    packages: ClassVar = {"openvino": "openvino"}
    runner = "lissom.export.runners.openvino_runner"
    recipes = RECIPES
    quantizes_some_layers = True

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        from lissom.export.onnx_file import export_onnx

        check_precision(self, precision)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            notes = export_onnx(module, example, file)
            _convert(file, path, half=precision == FP16)
        return self.artefact(path, precision, notes)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        from lissom.targets.onnx_dynamic_int8 import are_tokens
        from lissom.targets.onnx_int8 import quantize_static_int8

        check_calibration(calibration)
        if recipe is None and are_tokens(calibration):
            return self._dynamic_int8(source.artefact, path)
        with tempfile.TemporaryDirectory() as folder:
            plain = Artefact(Path(folder) / "model.onnx", notes=source.artefact.notes)
            plain.path.write_bytes(source.onnx)
            made = quantize_static_int8(
                plain, calibration, Path(folder) / "int8.onnx", recipe, biases=False, only=source.int8_layers
            )
            _without_zero_points(made.path)
            _convert(made.path, path, integers=True)
        return self.artefact(path, INT8, made.notes)

    def _dynamic_int8(self, plain: Artefact, path: Path) -> Artefact:
        import openvino

        from lissom.targets.openvino_dynamic_int8 import to_dynamic_int8

        model = openvino.Core().read_model(plain.path, plain.path.with_suffix(".bin"))
        to_dynamic_int8(model)
        _save(model, path)
        return self.artefact(path, INT8, (*plain.notes, "dynamic INT8"))

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        import openvino

        from lissom.targets.openvino_dynamic_int8 import is_dynamic_int8

        core = openvino.Core()
        model = core.read_model(artefact.path, artefact.path.with_suffix(".bin"))
        # with activations that are rounded inside of it, a product has floats at both of its ends, and what lies
        # between products is meant to be in float
        dynamic = is_dynamic_int8(model)
        model.reshape({item: [1, *list(item.get_partial_shape())[1:]] for item in model.inputs})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found: Counter[str] = Counter()
        for node in compiled.get_runtime_model().get_ordered_ops():
            facts: Any = node.get_rt_info()
            kind, kernel = facts["layerType"].astype(str), facts["primitiveType"].astype(str)
            meant = kind in _CONVOLUTIONS if dynamic else artefact.precision == INT8
            in_float = meant and kernel.endswith("_f32")
            if kind not in _FREE and (in_float or kernel.startswith("ref")):
                found[f"{kind} ({kernel})"] += 1
        return dict(sorted(found.items()))

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        import openvino

        core = openvino.Core()
        model = core.read_model(path, path.with_suffix(".bin"))
        outputs = [
            output
            for node in model.get_ordered_ops()
            if node.get_type_name() not in ("Parameter", "Constant", "Result")
            for output in node.outputs()
            if output.get_element_type() == openvino.Type.f32
        ]
        model.add_outputs(outputs)
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
        found = compiled.create_infer_request().infer(list(inputs))
        return {str(number): np.array(value) for number, value in enumerate(found.values())}


def _convert(file: Path, path: Path, *, half: bool = False, integers: bool = False) -> None:
    """An ONNX file as a network of OpenVINO, which goes without its tool that reports home."""
    import openvino

    try:
        model: Any = openvino.Core().read_model(file)
    except Exception as error:  # of OpenVINO's own kinds
        raise LissomError(
            f"the model cannot be converted to OpenVINO: {first_line(error)}",
            hint="choose another target (lissom targets)",
        ) from error
    if integers:
        _simplify(model)
    _save(model, path, half=half)


def _save(model: Any, path: Path, *, half: bool = False) -> None:
    """Write a network's two files."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        openvino.save_model(model, Path(folder) / "model.xml", compress_to_fp16=half)
        description = (Path(folder) / "model.xml").read_text(encoding="utf-8")
        # the weights first: an artefact is there when its main file is
        with whole_file(path.with_suffix(".bin")) as temporary:
            temporary.write_bytes((Path(folder) / "model.bin").read_bytes())
        with whole_file(path) as temporary:
            temporary.write_text(_BETWEEN.sub("><", description), encoding="utf-8")


def _simplify(model: Any) -> None:
    """Fold what the reading of QuantizeLinear leaves behind, and shorten names: a tenth of a small network's file."""
    from openvino._offline_transformations import apply_moc_transformations

    apply_moc_transformations(model, cf=False)
    for number, node in enumerate(model.get_ordered_ops()):
        if node.get_type_name() not in ("Parameter", "Result"):
            node.set_friendly_name(str(number))


def _without_zero_points(file: Path) -> None:
    """Drop zero points of signed weights that are zero, as they all are: each would become four operators."""
    import onnx
    from onnx import TensorProto, numpy_helper

    model = onnx.load(file)
    signed = [item for item in model.graph.initializer if item.data_type == TensorProto.INT8]
    zeros = {item.name for item in signed if not numpy_helper.to_array(item).any()}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and len(node.input) > 2 and node.input[2] in zeros:
            del node.input[2:]
    onnx.save(model, file)
