"""Where pictures come from: files, members of a zip, arrays. Nothing is decoded before it is read."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

Rows = npt.NDArray[np.int64]


class Pictures(Protocol):
    """Pictures that can be read by number, from several threads at once."""

    def __len__(self) -> int: ...

    def read(self, row: int) -> Image.Image:
        """Open one picture."""
        ...

    def name(self, row: int) -> str:
        """What to call it in messages; decides in which split it lands."""
        ...


@dataclass(frozen=True)
class FilePictures:
    """Pictures in files below a folder."""

    folder: Path
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Image.Image:
        """Open one picture."""
        return Image.open(io.BytesIO((self.folder / self.names[row]).read_bytes()))

    def name(self, row: int) -> str:
        """The path below the folder."""
        return self.names[row]


@dataclass(frozen=True)
class ZipPictures:
    """Pictures in a zip, read in place: members are never unpacked, their paths never used as paths."""

    archive: zipfile.ZipFile
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Image.Image:
        """Open one picture."""
        return Image.open(io.BytesIO(self.archive.read(self.names[row])))

    def name(self, row: int) -> str:
        """The path in the archive."""
        return self.names[row]


@dataclass(frozen=True)
class ArrayPictures:
    """Pictures in one array of bytes, ``(pictures, height, width)`` or ``(pictures, height, width, 3)``."""

    pixels: npt.NDArray[np.uint8]
    label: str

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, row: int) -> Image.Image:
        """One picture."""
        return Image.fromarray(self.pixels[row])

    def name(self, row: int) -> str:
        """The label of the array and the number of the picture."""
        return f"{self.label} {row}"


@dataclass(frozen=True)
class Listing:
    """Some of the pictures, with their labels: what a split is made of before it is decoded.

    ``rows`` says which pictures, ``labels`` their class numbers, both ``(examples,)``.
    """

    pictures: Pictures
    rows: Rows
    labels: Rows | None

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, positions: npt.ArrayLike) -> "Listing":
        """The examples at ``positions``, in that order."""
        chosen = np.asarray(positions, dtype=np.int64)
        return Listing(self.pictures, self.rows[chosen], None if self.labels is None else self.labels[chosen])

    def names(self) -> list[str]:
        """What the examples are called."""
        return [self.pictures.name(int(row)) for row in self.rows]


@dataclass(frozen=True)
class Found:
    """What a source of data holds.

    ``parts`` are listings by ``"train"``, ``"select"``, ``"test"`` or ``"all"``; ``numbered`` says that labels
    are the numbers of the model's outputs, not positions in ``classes``; ``preprocessing`` is what the data
    set is usually given, as the arguments of ``Preprocessing``.
    """

    name: str
    parts: dict[str, Listing]
    classes: tuple[str, ...] = ()
    numbered: bool = False
    preprocessing: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether all examples have labels."""
        return all(part.labels is not None for part in self.parts.values())
