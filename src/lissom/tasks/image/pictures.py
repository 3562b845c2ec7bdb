"""Where pictures come from: files, members of a zip, arrays. Nothing is decoded before it is read."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lissom.tasks.listing import Items

Pictures = Items[Image.Image]


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
