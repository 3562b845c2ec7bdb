"""ONNX Runtime on the processor: the default target."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lissom.export.pair_files import decoder_of, is_pair, word_lists_of
from lissom.targets.quantizing.recipes import RECIPES
from lissom.targets.target import (
    FP32,
    INT8,
    Artefact,
    Inputs,
    Recipe,
    Source,
    Target,
    check_precision,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

PAIR_RUNNER = "lissom.export.runners.pair_runner"


class OnnxRuntime(Target):
    """ONNX Runtime's CPU execution provider."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    suffixes = (".onnx",)
    precisions = (FP32, INT8)
    packages: ClassVar = {"onnxruntime": "onnxruntime"}
    runner = "lissom.export.runners.onnx_runner"
    generates = True
    recipes = RECIPES
    quantizes_some_layers = True

    def artefact(self, path: Path, precision: str = FP32, notes: tuple[str, ...] = ()) -> Artefact:
        beside = (decoder_of(path), word_lists_of(path)) if is_pair(path) else ()
        return Artefact(path, precision, notes, tuple(file for file in beside if file.is_file()))

    def runner_of(self, path: Path) -> str:
        return PAIR_RUNNER if is_pair(path) else self.runner

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        from lissom.export.onnx_file import export_onnx
        from lissom.export.sequence_pair import export_pair
        from lissom.layers.sequence_model import SequenceModel

        check_precision(self, precision)
        if isinstance(module, SequenceModel):
            export_pair(module.model, path, module.end)
            return self.artefact(path)
        return self.artefact(path, notes=export_onnx(module, example, path))

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        from lissom.layers.ctc_model import CtcModel
        from lissom.targets.onnx_dynamic_int8 import are_tokens, quantize_dynamic_int8
        from lissom.targets.onnx_int8 import quantize_static_int8
        from lissom.targets.onnx_pair_int8 import quantize_pair

        if is_pair(source.artefact.path):
            return self.artefact(path, INT8, quantize_pair(source.artefact.path, path))
        if isinstance(source.module, CtcModel):  # ranges are those of the sound at hand
            return quantize_dynamic_int8(source.artefact, path, ("MatMul",))
        if recipe is None and are_tokens(calibration):
            return quantize_dynamic_int8(source.artefact, path)
        return quantize_static_int8(source.artefact, calibration, path, recipe, only=source.int8_layers)

    def layers(self, artefact: Artefact) -> list[str]:
        from lissom.targets.quantizing.layers import prepared, weighted_layers

        if is_pair(artefact.path):
            return []
        return [layer.name for layer in weighted_layers(prepared(artefact.path))]

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        from lissom.targets.onnx_values import float_operators

        if artefact.precision != INT8:
            return {}
        found: Counter[str] = Counter()
        for file in (file for file in artefact.files if file.suffix == self.suffixes[0]):
            found.update(float_operators(file))
        return dict(found)

    def layer_times(
        self,
        artefact: Artefact,
        inputs: Sequence[np.ndarray],
        *,
        threads: int,
        seconds: float,
        between: Callable[[], object],
    ) -> dict[str, float]:
        from lissom.targets.onnx_times import layer_times

        if is_pair(artefact.path):
            return {}  # the time goes to two sessions, and as often to the second as tokens are said
        return layer_times(artefact.path, inputs, threads=threads, seconds=seconds, between=between)

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        from lissom.targets.onnx_values import inner_values

        return {} if is_pair(path) else inner_values(path, inputs)
