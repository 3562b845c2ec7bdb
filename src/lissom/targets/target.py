"""What every target is: a runtime that a model is exported to, loaded in and measured on."""

import functools
import importlib
import importlib.util
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError, first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lissom.targets.starting import Start
    from lissom.workload.workload import Workload

Arrays = list[npt.NDArray[Any]]
Inputs = Sequence[Sequence[np.ndarray]]
FP32, FP16, INT8 = "fp32", "fp16", "int8"


@dataclass(frozen=True)
class Artefact:
    """An exported model: its files, the precision it computes in, and what the export had to say.

    ``path`` is the main file; ``beside`` are those it cannot do without, in the same folder.
    """

    path: Path
    precision: str = FP32
    notes: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, the main one first."""
        return (self.path, *self.beside)

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(file.stat().st_size for file in self.files)


@dataclass(frozen=True)
class Source:
    """What an INT8 artefact is made of: the model in eval mode, a batch of one, and its FP32 artefact.

    ``int8_layers`` are name patterns of the layers that alone may be in INT8; none: any layer.
    """

    module: "nn.Module"
    example: "tuple[Tensor, ...]"
    artefact: Artefact
    int8_layers: tuple[str, ...] = ()

    @functools.cached_property
    def onnx(self) -> bytes:
        """The model as an ONNX file: made once, whatever is tried with it."""
        from lissom.export.onnx_file import export_onnx

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export_onnx(self.module, self.example, path)
            return path.read_bytes()


@dataclass(frozen=True)
class Recipe:
    """How to quantize: how ranges of activations are chosen, what is corrected, which layers stay in float.

    Args:
        ranges: a name out of the target's ``recipes``.
        corrected: whether weights are rounded, and biases shifted, so that outputs stay what they were.
        floats: names of layers that are left in float.
    """

    ranges: str = "minmax"
    corrected: bool = False
    floats: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{self.ranges} ranges", *(["corrected rounding"] if self.corrected else [])]
        return ", ".join([*parts, *([f"{len(self.floats)} layers in float"] if self.floats else [])])


class Runner(Protocol):
    """A loaded artefact."""

    def run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""
        ...


class RefusedError(LissomError):
    """A target cannot hold a model in a number format: it cannot make it, or what it makes is another model."""


class Target(ABC):
    """A runtime on a device. Final subclasses are one file each and a line in ``TARGETS``.

    ``title`` is the runtime's name for people; ``suffixes`` are those of an artefact's files, the main one first;
    ``precisions`` are what it can be made in, FP32 first; ``packages`` are what has to be installed, by import name;
    ``runner`` is the module in :mod:`lissom.export.runners`. One that has no ``free_batch`` is given the examples of
    a batch one at a time. One that ``generates`` runs encoder-decoders token by token. One that
    ``quantizes_some_layers`` heeds which ones a source names.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]
    precisions: ClassVar[tuple[str, ...]]
    packages: ClassVar[dict[str, str]]
    runner: ClassVar[str]
    free_batch: ClassVar[bool] = True
    generates: ClassVar[bool] = False
    quantizes_some_layers: ClassVar[bool] = False
    recipes: ClassVar[tuple[Recipe, ...]] = (Recipe(),)

    def missing(self) -> str | None:
        """Why this target cannot be used here, or ``None``."""
        absent = [package for module, package in self.packages.items() if not _importable(module)]
        return f"{' and '.join(absent)} {'is' if len(absent) == 1 else 'are'} not installed" if absent else None

    @property
    def remedy(self) -> str:
        """What to do where something is missing."""
        return f"pip install 'lissom[{self.name}]'"

    def check_usable(self) -> None:
        """Refuse to go on without what the target needs.

        Raises:
            LissomError: something is missing; says what would mend it.
        """
        if missing := self.missing():
            raise LissomError(f"the target {self.name} cannot be used here: {missing}", hint=self.remedy)

    def versions(self) -> dict[str, str]:
        """The versions of the packages that are installed."""
        return {package: metadata.version(package) for package in self.packages.values() if _installed(package)}

    def formats(self, workload: "Workload") -> tuple[str, ...]:
        """The number formats to try with a model, of those that there are here.

        Where some layers alone may be in INT8, that is the only one besides FP32, and needs a target that can do it.
        """
        if not workload.int8_layers:
            return self.precisions
        return (FP32, INT8) if self.quantizes_some_layers and INT8 in self.precisions else (FP32,)

    def place(self, folder: Path, stem: str) -> Path:
        """Where an artefact's main file belongs in a folder."""
        return folder / f"{stem}{self.suffixes[0]}"

    def artefact(self, path: Path, precision: str = FP32, notes: tuple[str, ...] = ()) -> Artefact:
        """The artefact whose main file is ``path``."""
        return Artefact(path, precision, notes, tuple(path.with_suffix(suffix) for suffix in self.suffixes[1:]))

    def runner_of(self, path: Path) -> str:
        """The module in :mod:`lissom.export.runners` that runs the artefact whose main file is ``path``."""
        return self.runner

    def load(self, path: Path, *, threads: int) -> Runner:
        """Load an artefact to run on ``threads`` threads.

        Raises:
            LissomError: it is missing or damaged, or holds an operator that the runtime lacks.
        """
        try:
            return importlib.import_module(self.runner_of(path)).Runner(path, threads)
        except Exception as error:  # every runtime has exceptions of its own
            raise LissomError(f"{path} cannot be loaded by {self.title}: {first_line(error)}") from error

    def start(self, path: Path, example: Sequence[np.ndarray], *, threads: int) -> "Start":
        """What a fresh process needs to load the artefact and run it once: memory and time.

        Raises:
            LissomError: it cannot be loaded or run.
        """
        from lissom.targets.starting import start

        return start(self.runner_of(path), path, example, threads=threads)

    def peak_memory_bytes(self, path: Path, example: Sequence[np.ndarray], *, threads: int) -> int:
        """The most memory that loading the artefact and running it once adds to a process."""
        return self.start(path, example, threads=threads).peak_memory_bytes

    @abstractmethod
    def export(self, module: "nn.Module", example: "tuple[Tensor, ...]", path: Path, precision: str = FP32) -> Artefact:
        """Convert a model as in eval mode, to ``fp32`` or to ``fp16`` where the target has it.

        Raises:
            LissomError: an operator that the target lacks, named.
        """

    @abstractmethod
    def quantize(self, source: Source, calibration: Inputs, path: Path, recipe: Recipe | None = None) -> Artefact:
        """Make the INT8 artefact of a model from calibration inputs (static, post-training).

        Raises:
            LissomError: calibration inputs that are empty or not numbers, or a target that has no INT8.
        """

    def layers(self, artefact: Artefact) -> list[str]:
        """The layers of an FP32 artefact that can be left in float, by the names that a recipe takes."""
        return []

    def fallbacks(self, artefact: Artefact) -> dict[str, int]:
        """Operators that run slower than meant: outside the fast kernels, or in float in an INT8 artefact.

        Empty where none does, and for targets of which each operator has one kernel alone (PyTorch). With ranges of
        each input (dynamic INT8) only products with weights are meant to be in 8 bits; what lies between is in float.
        """
        return {}

    def layer_times(
        self,
        artefact: Artefact,
        inputs: Sequence[np.ndarray],
        *,
        threads: int,
        seconds: float,
        between: Callable[[], object],
    ) -> dict[str, float]:
        """Milliseconds by layer of an FP32 artefact, from the runtime's profiler; empty where it has none.

        A layer is called by the name of its weight in the model; what belongs to none is under ``""``.

        Args:
            artefact: what to run.
            inputs: what to run it on.
            threads: how many to run it with.
            seconds: how long, in all.
            between: is called in turn with it.
        """
        return {}

    def values(self, path: Path, inputs: Sequence[np.ndarray]) -> dict[str, npt.NDArray[Any]]:
        """The values inside an artefact on its way from inputs to outputs; empty where the runtime hides them."""
        return {}


def check_precision(target: Target, precision: str) -> None:
    """Refuse a precision that a target does not have."""
    if precision not in target.precisions:
        raise LissomError(
            f"{target.title} has no {precision}", hint=f"it has {', '.join(target.precisions)}; see lissom targets"
        )


def check_generates(target: Target, module: "nn.Module") -> None:
    """Refuse a target that cannot run a model token by token, where it is one that has to be."""
    from lissom.layers.sequence_model import SequenceModel

    if isinstance(module, SequenceModel) and not target.generates:
        raise LissomError(
            f"{target.title} cannot run an encoder-decoder token by token here", hint="--target onnxruntime can"
        )


def check_calibration(calibration: Inputs) -> None:
    """Refuse inputs that no range can be read from.

    Raises:
        LissomError: there are none, or one holds NaN or infinity.
    """
    if not calibration or not len(calibration[0][0]):
        raise LissomError("there are no inputs to calibrate INT8 with")
    for number, batch in enumerate(calibration):
        for array in batch:
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise LissomError(
                    f"calibration batch {number} holds NaN or infinity",
                    hint="check the pictures and the deviation of the preprocessing",
                )


def _importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
