"""Where clips come from: files, members of a zip, arrays. Nothing is decoded before it is read."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.tasks.listing import Items
from lissom.tasks.speech.handling import Samples, mono, opened, read_clip, resampled

SOUND = (np.uint8, np.int16, np.int32)  # whole numbers that files of sound hold; a list of numbers is in none of them


@dataclass(frozen=True)
class Clip:
    """One clip, not yet decoded: a file, its bytes, or samples with their rate."""

    source: Path | bytes | tuple[Samples, int]

    def samples(self, rate: int) -> Samples:
        """In one channel at ``rate``, ``(samples,)``.

        Raises:
            LissomError: it cannot be read.
        """
        if isinstance(self.source, tuple):
            return resampled(self.source[0], self.source[1], rate)
        return read_clip(self.source, rate)

    def rate(self) -> int:
        """Samples a second, as it was recorded.

        Raises:
            LissomError: it cannot be read.
        """
        if isinstance(self.source, tuple):
            return self.source[1]
        with opened(self.source) as file:
            return file.samplerate

    def seconds(self) -> float:
        """How long it is, without reading it.

        Raises:
            LissomError: it cannot be read.
        """
        if isinstance(self.source, tuple):
            return len(self.source[0]) / self.source[1]
        with opened(self.source) as file:
            return file.frames / file.samplerate


Clips = Items[Clip]


@dataclass(frozen=True)
class FileClips:
    """Clips in files below a folder."""

    folder: Path
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Clip:
        """One clip."""
        return Clip(self.folder / self.names[row])

    def name(self, row: int) -> str:
        """The path below the folder."""
        return self.names[row]


@dataclass(frozen=True)
class ZipClips:
    """Clips in a zip, read in place: members are never unpacked, their paths never used as paths."""

    archive: zipfile.ZipFile
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Clip:
        """One clip."""
        return Clip(self.archive.read(self.names[row]))

    def name(self, row: int) -> str:
        """The path in the archive."""
        return self.names[row]


@dataclass(frozen=True)
class ObjectClips:
    """Clips out of the user's own sequence of ``((samples, rate), label)``."""

    items: Any
    label: str

    def __len__(self) -> int:
        return len(self.items)

    def read(self, row: int) -> Clip:
        """One clip.

        Raises:
            LissomError: it is something else than samples with their rate.
        """
        try:
            samples, given = self.items[row][0]
            array, rate = np.asarray(samples), int(given)
            if array.ndim != 1 or not len(array):
                raise LissomError(f"{self.name(row)}: samples of the shape {array.shape}, not one row of numbers")
            if rate < 1:
                raise LissomError(f"{self.name(row)}: a rate of {given} samples a second", hint="give at least 1")
            return Clip((as_sound(array), rate))
        except (TypeError, ValueError, IndexError, OverflowError) as error:
            raise LissomError(f"{self.name(row)} is not ((samples, rate), label)") from error

    def name(self, row: int) -> str:
        """The split and the number of the clip."""
        return f"{self.label} {row}"


def as_sound(samples: npt.NDArray[Any]) -> Samples:
    """Samples of any type, ``(samples,)``, in -1..1: whole numbers of a type that files hold by its range, others that
    go beyond by the largest, as those of files.

    Raises:
        LissomError: there are values that are not numbers, or far too large.
    """
    if samples.dtype in SOUND:
        half = 2.0 ** (8 * samples.dtype.itemsize - 1)
        return ((samples - half * (samples.dtype.kind == "u")) / half).astype(np.float32)
    with np.errstate(over="ignore"):  # what is too large is told
        plain = mono(samples.astype(np.float32)[:, None])
    return plain / np.float32(max(1.0, float(np.abs(plain).max())))
