"""ONNX Runtime on the processor: the default target."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

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


class OnnxRuntime(Target):
    """ONNX Runtime's CPU execution provider."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    suffixes = (".onnx",)
    precisions = (FP32, INT8)
    packages: ClassVar = {"onnxruntime": "onnxruntime"}
    runner = "lissom.export.runners.onnx_runner"
    recipes = RECIPES

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        from lissom.export.onnx_file import export_onnx

        check_precision(self, precision)
        return self.artefact(path, notes=export_onnx(module, example, path))

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        from lissom.targets.onnx_dynamic_int8 import are_tokens, quantize_dynamic_int8
        from lissom.targets.onnx_int8 import quantize_static_int8

        if recipe is None and are_tokens(calibration):
            return quantize_dynamic_int8(source.artefact, path)
        return quantize_static_int8(source.artefact, calibration, path, recipe)

    def layers(self, artefact: Artefact) -> list[str]:
        from lissom.targets.quantizing.layers import prepared, weighted_layers

        return [layer.name for layer in weighted_layers(prepared(artefact.path))]

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        from lissom.targets.onnx_values import float_operators

        return float_operators(artefact.path) if artefact.precision == INT8 else {}

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

        return layer_times(artefact.path, inputs, threads=threads, seconds=seconds, between=between)

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        from lissom.targets.onnx_values import inner_values

        return inner_values(path, inputs)
