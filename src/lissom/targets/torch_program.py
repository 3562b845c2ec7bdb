"""PyTorch itself: the model as a program of torch.export, run as it is or compiled ahead of time."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lissom.core.errors import LissomError, first_line
from lissom.core.files import whole_file
from lissom.targets.target import FP32, Artefact, Inputs, Recipe, Source, Target, check_precision

if TYPE_CHECKING:
    from torch import Tensor, nn

_NO_INT8 = "choose a target that has INT8, such as onnxruntime"


class PyTorch(Target):
    """PyTorch without any compilation: what everything else is compared with."""

    name = "pytorch"
    title = "PyTorch"
    suffixes = (".pt2",)
    precisions = (FP32,)
    packages: ClassVar = {"torch": "torch"}
    runner = "lissom.export.runners.pytorch_runner"

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        import torch

        from lissom.export.onnx_file import quiet
        from lissom.export.runners.pt2_safety import refuse_code
        from lissom.targets.capture import program

        check_precision(self, precision)
        captured, notes = program(module, example, title=self.title, free_batch=True)
        captured.example_inputs = None  # they would be pickled
        with whole_file(path) as temporary, quiet():
            torch.export.save(captured, temporary)
            try:
                refuse_code(temporary)
            except ValueError as error:
                raise LissomError(
                    f"the model cannot be exported to {self.title}: {first_line(error)}",
                    hint="weights have to be plain tensors, and operators PyTorch's; or choose another target",
                ) from error
        return self.artefact(path, notes=notes)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        raise LissomError(f"{self.title} has no INT8 here", hint=_NO_INT8)

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        from lissom.targets.capture import program_values

        return program_values(path, inputs)


class Inductor(Target):
    """PyTorch compiled ahead of time to native code, for the processor that it is compiled on."""

    name = "inductor"
    title = "PyTorch (inductor)"
    suffixes = (".pt2",)
    precisions = (FP32,)
    packages: ClassVar = {"torch": "torch"}
    runner = "lissom.export.runners.inductor_runner"

    def missing(self) -> str | None:
        return super().missing() or (None if shutil.which("g++") else "there is no C++ compiler (g++)")

    @property
    def remedy(self) -> str:
        return "install g++, such as with apt-get install g++"

    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        import torch

        from lissom.export.onnx_file import quiet
        from lissom.targets.capture import program

        check_precision(self, precision)
        captured, notes = program(module, example, title=self.title, free_batch=True)
        with whole_file(path) as temporary, quiet(), torch.no_grad():
            made = temporary.with_suffix(".pt2")
            try:
                batch = {"batch": "one" if notes else "free"}  # a program that was compiled does not tell by itself
                # else it runs for good with as many threads as there happen to be now
                options = {"freezing": True, "cpp.dynamic_threads": True, "aot_inductor.metadata": batch}
                torch._inductor.aoti_compile_and_package(captured, package_path=str(made), inductor_configs=options)
                made.replace(temporary)
            except Exception as error:
                raise LissomError(
                    f"the model cannot be compiled: {first_line(error)}", hint="choose another target (lissom targets)"
                ) from error
            finally:
                made.unlink(missing_ok=True)
        return self.artefact(path, notes=notes)

    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        raise LissomError(f"{self.title} has no INT8 here", hint=_NO_INT8)
