"""What happens to a picture before the model: Pillow and numpy only, so that it runs the same without torch.

The arithmetic is that of torchvision's usual evaluation transform (resize the shorter side, crop the centre,
scale to 0..1, normalise), to the bit.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from lissom.core.errors import LissomError

Pixels = npt.NDArray[np.uint8]
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocessing:
    """From a picture of any size and mode to the model's input ``(channels, height, width)``, float32.

    Args:
        crop: height and width of the input; the centre is cut out, and filled with black where smaller.
        resize: length that the shorter side is scaled to first, in pixels, or ``None`` to leave it.
        mean: subtracted from each channel of the picture scaled to 0..1.
        std: what each channel is divided by after that.
        interpolation: a key of :data:`INTERPOLATIONS`.
        channels: ``"RGB"`` for three, ``"L"`` for one.
    """

    crop: tuple[int, int]
    resize: int | None = None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bilinear"
    channels: str = "RGB"

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            raise LissomError(
                f"unknown interpolation {self.interpolation!r}", hint=f"known: {', '.join(INTERPOLATIONS)}"
            )
        if self.channels not in ("RGB", "L"):
            raise LissomError(f"unknown channels {self.channels!r}", hint="known: RGB, L")
        if min(self.crop) < 1 or (self.resize is not None and self.resize < 1):
            raise LissomError(f"a size of {self.crop} after a resize to {self.resize} pixels is not possible")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.depth:
                raise LissomError(
                    f"{name} has {len(values)} numbers, the input has {self.depth} channels",
                    hint=f"give {self.depth} numbers on the scale 0..1, e.g. {self.depth * '0.5,'}".rstrip(","),
                )
        if min(self.std) <= 0 or max(self.std) > 4 or not all(-4 < value < 4 for value in self.mean):
            raise LissomError(
                f"mean {self.mean} and std {self.std} are not on the scale 0..1",
                hint="divide numbers on the scale 0..255 by 255",
            )

    @property
    def depth(self) -> int:
        """The number of channels of the input."""
        return len(self.channels)

    def __call__(self, picture: Image.Image) -> npt.NDArray[np.float32]:
        """The model's input of one picture, ``(channels, height, width)``."""
        return self.normalise(self.pixels(picture))

    def pixels(self, picture: Image.Image, *, grey: bool = False) -> Pixels:
        """The picture resized and cropped, ``(channels, height, width)``, 0..255.

        Args:
            picture: of any mode.
            grey: give one channel of a picture that has no colour; it is repeated later.
        """
        mode = "L" if grey else self.channels
        array = np.asarray(self._cropped(self._resized(as_mode(picture, mode))))
        return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))

    def normalise(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """``(..., channels or 1, height, width)`` of 0..255 to the model's input."""
        mean = np.asarray(self.mean, dtype=np.float32)[:, None, None]
        std = np.asarray(self.std, dtype=np.float32)[:, None, None]
        return (pixels.astype(np.float32) / np.float32(255) - mean) / std

    def _resized(self, picture: Image.Image) -> Image.Image:
        if self.resize is None:
            return picture
        width, height = picture.size
        short, long = min(width, height), max(width, height)
        if short == self.resize:
            return picture
        scaled = max(1, int(self.resize * long / short))
        size = (self.resize, scaled) if width <= height else (scaled, self.resize)
        return picture.resize(size, INTERPOLATIONS[self.interpolation])

    def _cropped(self, picture: Image.Image) -> Image.Image:
        height, width = self.crop
        left, top, right, bottom = margins(picture.height, picture.width, self.crop)
        if left or top or right or bottom:
            picture = ImageOps.expand(picture, (left, top, right, bottom), fill=0)
        x, y = round((picture.width - width) / 2.0), round((picture.height - height) / 2.0)
        return picture.crop((x, y, x + width, y + height))

    def to_json(self) -> dict[str, Any]:
        """As plain values: tuples become lists."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Preprocessing":
        """The inverse of :meth:`to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return Preprocessing(**values)


def margins(height: int, width: int, crop: tuple[int, int]) -> tuple[int, int, int, int]:
    """What to add left, above, right and below so that a picture is as large as the crop, in pixels."""
    wide, high = max(0, crop[1] - width), max(0, crop[0] - height)
    return wide // 2, high // 2, (wide + 1) // 2, (high + 1) // 2


def as_mode(picture: Image.Image, mode: str) -> Image.Image:
    """A picture of any mode, turned upright, as ``"RGB"`` or ``"L"``.

    Sixteen bits are scaled to eight (Pillow would clip them); an alpha channel is dropped.
    """
    if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode[0] in "IF":
        picture = _eight_bits(picture)
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float64)
    top = values.max(initial=0)
    if picture.mode == "F":
        scale = 1 / 255 if top <= 1 else 1.0
    else:
        scale = 257.0 if picture.mode != "I" or top > 255 else 1.0
    return Image.fromarray(np.clip(values / scale, 0, 255).astype(np.uint8))
