"""Pictures of a codec in whole numbers: three planes of 4:2:0, padded, and packed for the network. Numpy only."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]
Packed = npt.NDArray[np.float32]
ALIGNED = 64  # pixels; what the network's strides divide


@dataclass(frozen=True)
class Picture:
    """Luma ``(height, width)`` and two chroma planes of half the height and width, uint8."""

    y: Plane
    u: Plane
    v: Plane

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Luma, then chroma."""
        return self.y, self.u, self.v


def aligned(size: int) -> int:
    """The next multiple of :data:`ALIGNED`."""
    return -(-size // ALIGNED) * ALIGNED


def halved(size: int) -> int:
    """The chroma samples that so many luma samples have."""
    return (size + 1) // 2


def padded(picture: Picture) -> Picture:
    """The picture with its last rows and columns repeated up to a multiple of :data:`ALIGNED`."""
    height, width = (aligned(size) for size in picture.y.shape)
    sizes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    return Picture(*(_filled(plane, *size) for plane, size in zip(picture.planes, sizes, strict=True)))


def _filled(plane: Plane, height: int, width: int) -> Plane:
    return np.pad(plane, ((0, height - plane.shape[0]), (0, width - plane.shape[1])), mode="edge")


def cropped(picture: Picture, height: int, width: int) -> Picture:
    """The upper left part, of ``height`` by ``width`` luma samples."""
    rows, columns = halved(height), halved(width)
    return Picture(picture.y[:height, :width], picture.u[:rows, :columns], picture.v[:rows, :columns])


def pack(picture: Picture) -> Packed:
    """Luma unshuffled by 2 and chroma, ``(6, height / 2, width / 2)``, in -0.5..0.5."""
    y = picture.y
    phases = (y[0::2, 0::2], y[0::2, 1::2], y[1::2, 0::2], y[1::2, 1::2], picture.u, picture.v)
    return np.stack(phases).astype(np.float32) / np.float32(255) - np.float32(0.5)


def unpack(packed: Packed) -> Picture:
    """The nearest picture: the inverse of :func:`pack`."""
    levels = np.clip(np.rint((packed + np.float32(0.5)) * np.float32(255)), 0, 255).astype(np.uint8)
    _, height, width = levels.shape
    y = np.empty((2 * height, 2 * width), np.uint8)
    for phase in range(4):
        y[phase // 2 :: 2, phase % 2 :: 2] = levels[phase]
    return Picture(y, levels[4], levels[5])
