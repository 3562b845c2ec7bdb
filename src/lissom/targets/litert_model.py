"""LiteRT (once TensorFlow Lite) with XNNPACK: a ``.tflite`` file for phones and small boards."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lissom.core.errors import LissomError, first_line
from lissom.core.files import check_writable, whole_file
from lissom.export.runners.numbered import by_number
from lissom.targets.muting import muted_process
from lissom.targets.target import (
    FP32,
    INT8,
    Artefact,
    Inputs,
    Recipe,
    RefusedError,
    Source,
    Target,
    check_calibration,
    check_precision,
)  # fmt: skip

if TYPE_CHECKING:
    from torch import Tensor, nn

_DELEGATE = "DELEGATE"


class LiteRt(Target):
    """LiteRT's interpreter on the processor."""

    name = "litert"
    title = "LiteRT"
    suffixes = (".tflite",)
    precisions = (FP32, INT8)
    packages: ClassVar = {
        "ai_edge_litert": "ai-edge-litert",
        "litert_torch": "litert-torch",
        "ai_edge_quantizer": "ai-edge-quantizer",
    }
    runner = "lissom.export.runners.litert_runner"
    free_batch = False

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        import litert_torch

        from lissom.export.onnx_file import quiet

        check_precision(self, precision)
        check_writable(path.parent)
        training = module.training
        try:
            with quiet(), muted_process():
                made = litert_torch.convert(module.eval(), example)
        except Exception as error:
            raise LissomError(
                f"the model cannot be converted to {self.title}: {first_line(error)}",
                hint="choose another target (lissom targets)",
            ) from error
        finally:
            module.train(training)
        with whole_file(path) as temporary, quiet(), muted_process():
            made.export(str(temporary))
        return self.artefact(path)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        check_calibration(calibration)
        try:
            made = _quantized(source.artefact.path.read_bytes(), calibration)
        except Exception as error:  # of the quantizer's own kinds
            raise RefusedError(
                f"the model cannot be quantized for {self.title}: {first_line(error)}",
                hint="keep it in fp32, or choose another target (lissom targets)",
            ) from error
        with whole_file(path) as temporary:
            temporary.write_bytes(made)
        note = f"static INT8 by ai-edge-quantizer with {sum(len(batch[0]) for batch in calibration)} inputs"
        return self.artefact(path, INT8, (*source.artefact.notes, note))

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        from ai_edge_litert.interpreter import Interpreter

        with muted_process():
            interpreter: Any = Interpreter(model_content=artefact.path.read_bytes(), num_threads=1)
            interpreter.allocate_tensors()  # XNNPACK takes over here what it can
        return left_over(interpreter._get_ops_details())


def left_over(operators: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Operators that no delegate took over, by kind with how often.

    Args:
        operators: of an interpreter, as it lists them: those of the file, and each delegate as one more that reads and
            writes tensors by number.
    """
    makers = {tensor: item for item in operators if item["op_name"] != _DELEGATE for tensor in item["outputs"]}
    taken: set[int] = set()
    for delegate in (item for item in operators if item["op_name"] == _DELEGATE):
        given, waiting = set(delegate["inputs"]), [*delegate["outputs"]]
        while waiting:
            tensor = waiting.pop()
            maker = makers.get(tensor)
            if maker is None or tensor in given or maker["index"] in taken:
                continue
            taken.add(maker["index"])
            waiting.extend(maker["inputs"])
    left = (item["op_name"] for item in operators if item["op_name"] != _DELEGATE and item["index"] not in taken)
    return dict(sorted(Counter(left).items()))


def _quantized(model: bytes, calibration: Inputs) -> bytes:
    """A ``.tflite`` file in INT8, from another one in FP32."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import qtyping, quantizer
    from ai_edge_quantizer import recipe as recipes
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    from lissom.export.onnx_file import quiet

    (signature, ends), *_ = Interpreter(model_content=model).get_signature_list().items()
    names = sorted(ends["inputs"], key=by_number)
    examples = [
        {name: array[place : place + 1] for name, array in zip(names, batch, strict=True)}
        for batch in calibration
        for place in range(len(batch[0]))
    ]
    with quiet(), muted_process():
        work = quantizer.Quantizer(bytes(model))
        work.load_quantization_recipe(recipes.static_wi8_ai8())
        # inputs and outputs stay in float: a caller has pictures and wants scores
        for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            work.update_quantization_recipe(".*", end, algorithm_key=AlgorithmName.NO_QUANTIZE)
        made = work.quantize(work.calibrate({signature: examples})).quantized_model
    assert made is not None, "a calibrated model is quantized"
    return bytes(made)
