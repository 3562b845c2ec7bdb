"""Augmented views of pictures: pure functions of the seed, the example and the number of the view.

An augmentation takes a batch of bytes and, for each example, uniform draws that belong to it alone, so that a
view does not depend on what else is in the batch, and a teacher's answer to it can be kept.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

DRAWS = 8
SMALL = 96  # pixels: below, pictures are shifted rather than rescaled


class Augment(Protocol):
    """From pictures to another view of them."""

    def __call__(self, pictures: Tensor, draws: Tensor) -> Tensor:
        """The augmented pictures.

        Args:
            pictures: ``(batch, channels, height, width)``, uint8.
            draws: ``(batch, DRAWS)``, float64, uniform in 0..1, the same for the same view of an example.

        Returns:
            Same shape and type.
        """
        ...


@dataclass(frozen=True)
class AsItIs:
    """No change: every view is the picture itself."""

    def __call__(self, pictures: Tensor, draws: Tensor) -> Tensor:
        """The pictures, ``(batch, channels, height, width)``."""
        return pictures

    def __str__(self) -> str:
        return "pictures as they are"


@dataclass(frozen=True)
class ShiftFlip:
    """Shift by up to so many pixels (filled with black) and mirror half of the views.

    Args:
        pixels: largest shift in each direction.
        flip: mirror left and right.
    """

    pixels: int = 2
    flip: bool = True

    def __call__(self, pictures: Tensor, draws: Tensor) -> Tensor:
        """The augmented pictures, ``(batch, channels, height, width)``."""
        reach, (height, width) = self.pixels, pictures.shape[2:]
        if reach:
            # numpy copies whole rows here; indexing in torch goes pixel by pixel and takes eight times as long
            padded = F.pad(pictures, (reach, reach, reach, reach)).numpy()
            windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (2, 3))
            down, across = (draws[:, :2] * (2 * reach + 1)).long().numpy().T
            pictures = torch.from_numpy(windows[np.arange(len(padded)), :, down, across])
        return mirrored(pictures, draws[:, 2] < 0.5) if self.flip else pictures

    def __str__(self) -> str:
        return f"shifts by up to {self.pixels} pixels" + _and_mirrored(self.flip)


@dataclass(frozen=True)
class CropFlip:
    """Cut out a random part, scale it back to full size, and mirror half of the views.

    Args:
        least: smallest share of the area that is cut out.
        stretch: largest change of the aspect ratio.
        flip: mirror left and right.
    """

    least: float = 0.35
    stretch: float = 4 / 3
    flip: bool = True

    def __call__(self, pictures: Tensor, draws: Tensor) -> Tensor:
        """The augmented pictures, ``(batch, channels, height, width)``."""
        area = self.least + (1 - self.least) * draws[:, 0]
        ratio = torch.exp((2 * draws[:, 1] - 1) * float(np.log(self.stretch)))
        wide, high = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        across, down = (1 - wide) * (2 * draws[:, 2] - 1), (1 - high) * (2 * draws[:, 3] - 1)
        zero = torch.zeros_like(wide)
        rows = [torch.stack((wide, zero, across), 1), torch.stack((zero, high, down), 1)]
        grid = F.affine_grid(torch.stack(rows, 1).float(), list(pictures.shape), align_corners=False)
        cut = F.grid_sample(pictures.float(), grid, padding_mode="border", align_corners=False)
        cut = cut.round_().to(torch.uint8)
        return mirrored(cut, draws[:, 4] < 0.5) if self.flip else cut

    def __str__(self) -> str:
        return f"random parts of {self.least:.0%} of the area or more" + _and_mirrored(self.flip)


def _and_mirrored(flip: bool) -> str:
    return ", half of them mirrored" if flip else ""


def mirrored(pictures: Tensor, which: Tensor) -> Tensor:
    """Mirror the pictures where ``which``, ``(batch,)``, is true."""
    columns = torch.arange(pictures.shape[3])
    order = torch.where(which[:, None], columns.flip(0), columns)
    return pictures.gather(3, order[:, None, None, :].expand(pictures.shape))


def usual(crop: tuple[int, int]) -> Augment:
    """The augmentation for inputs of this size, where the user names none."""
    return ShiftFlip(pixels=max(2, min(crop) // 8)) if min(crop) < SMALL else CropFlip()


def draw(seed: int, indices: npt.NDArray[np.int64], view: int) -> Tensor:
    """Uniform draws in 0..1 for a view of examples, ``(batch, DRAWS)``, float64.

    Each is a hash of the seed, the example and the view (SplitMix64; Steele, Lea and Flood 2014, figure 15).
    """
    with np.errstate(over="ignore"):
        start = _mix(np.uint64(seed) + _mix(np.uint64(view) + _mix(indices.astype(np.uint64))))
        bits = _mix(start[:, None] + np.arange(1, DRAWS + 1, dtype=np.uint64))
    return torch.from_numpy((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
