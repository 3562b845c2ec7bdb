"""Data from the user's own code: datasets or sequences of ``(picture, label)``."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.tasks.listing import Found, Listing
from lissom.tasks.user_data import given_parts

EXPECTED = (
    "return (train, test), (train, select, test), or a dict of these; each a torch Dataset or a sequence of "
    "(PIL picture or uint8 array, label)"
)


@dataclass(frozen=True)
class ObjectPictures:
    """Pictures out of a dataset or sequence of ``(picture, label)`` or of pictures alone."""

    items: Any
    label: str

    def __len__(self) -> int:
        return len(self.items)

    def read(self, row: int) -> Image.Image:
        """One picture: given as one by Pillow, or as bytes ``(height, width[, 3])`` or ``(3, height, width)``."""
        item = self.items[row]
        picture = item[0] if isinstance(item, (tuple, list)) else item
        found = to_picture(picture)
        return found.copy() if found is picture else found  # whoever reads it may close it, and the user's stays open

    def name(self, row: int) -> str:
        """The split and the number of the picture."""
        return f"{self.label} {row}"


def find_in_object(data: Any, where: str) -> Found:
    """What the user's function returned.

    Args:
        data: ``(train, test)``, ``(train, select, test)``, or a mapping with the keys ``train``, ``select``
            (optional), ``test`` and ``classes`` (optional, names in the order of the model's outputs). Each
            split is a torch ``Dataset`` or a sequence of ``(picture, label)``; a picture is one by Pillow, or
            uint8 ``(height, width)``, ``(height, width, 3)`` or ``(3, height, width)``.
        where: what to call it in messages.

    Raises:
        LissomError: it is something else, empty, or its pictures are already normalised tensors.
    """
    given, classes = given_parts(data, where, EXPECTED)
    parts = {name: _listing(value, name, where) for name, value in given.items()}
    return Found(where, parts, classes, numbered=True)


def _listing(items: Any, part: str, where: str) -> Listing:
    try:
        count = len(items)
        first = items[0] if count else None
    except (TypeError, KeyError) as error:
        raise LissomError(
            f"{where}: {part} is a {type(items).__name__} without length or numbering", hint=EXPECTED
        ) from error
    if not count:
        raise LissomError(f"{where}: {part} is empty", hint=EXPECTED)
    pair = isinstance(first, (tuple, list))
    to_picture(first[0] if pair else first, f"{where}: {part}")
    pictures = ObjectPictures(items, f"{where} {part}")
    return Listing(pictures, np.arange(count), _labels(items, part, where) if pair else None)


def _labels(items: Any, part: str, where: str) -> np.ndarray:
    targets = getattr(items, "targets", None)  # torchvision's datasets hold them: no picture is decoded for them
    if targets is None or len(targets) != len(items):
        targets = [items[row][1] for row in range(len(items))]
    found: list[int] = []
    for row, target in enumerate(targets):
        try:
            found.append(int(target))
        except (TypeError, ValueError) as error:
            raise LissomError(
                f"{where}: {part} has the label {str(target)[:40]!r} for picture {row}, not a whole number",
                hint="number the classes as the model's outputs are, and give their names as classes",
            ) from error
    return np.asarray(found, dtype=np.int64)


def to_picture(value: Any, where: str = "a picture") -> Image.Image:
    """A picture by Pillow out of what users keep pictures in.

    Raises:
        LissomError: it is not a picture of bytes.
    """
    if isinstance(value, Image.Image):
        return value
    array = value.numpy() if isinstance(value, Tensor) else value
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.ndim not in (2, 3):
        kind = f"{value.dtype} tensor" if isinstance(value, (Tensor, np.ndarray)) else type(value).__name__
        raise LissomError(
            f"{where} is a {kind}, not a picture",
            hint="give PIL pictures or uint8 arrays: normalising goes by --mean and --std, into the bundle too",
        )
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3):
        array = array.transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[2:] == (1,) else array))
