"""What every target is: a runtime that a model is exported to, loaded in and measured on."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Artefact:
    """An exported model: the file, the precision it computes in, and what the export had to say."""

    path: Path
    precision: str = "fp32"
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The size of the file (or of all files, where the path is a folder)."""
        if self.path.is_dir():
            return sum(item.stat().st_size for item in self.path.rglob("*") if item.is_file())
        return self.path.stat().st_size


class Runner(ABC):
    """A loaded artefact."""

    @abstractmethod
    def run(self, inputs: Sequence[np.ndarray]) -> Arrays:
        """Outputs of a batch of inputs, each ``(batch, ...)``."""


class Target(ABC):
    """A runtime on a device. Final subclasses are one file each and a line in ``TARGETS``."""

    name: str

    @abstractmethod
    def missing(self) -> str | None:
        """Why this target cannot be used here, or ``None``."""

    @abstractmethod
    def export(self, module: nn.Module, example: tuple[Tensor, ...], path: Path) -> Artefact:
        """Convert an FP32 model (in eval mode) with a free batch size.

        Raises:
            LissomError: an operator that the target lacks, named.
        """

    @abstractmethod
    def load(self, path: Path, *, threads: int) -> Runner:
        """Load an artefact to run on ``threads`` threads."""

    @abstractmethod
    def quantize(self, artefact: Artefact, calibration: Sequence[Sequence[np.ndarray]], path: Path) -> Artefact:
        """Make the INT8 artefact of an FP32 one from calibration inputs (static, post-training)."""

    @abstractmethod
    def peak_memory_bytes(self, path: Path, example: Sequence[np.ndarray], *, threads: int) -> int:
        """The most memory that loading the artefact and running it once adds to a process."""
