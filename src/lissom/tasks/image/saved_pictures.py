"""Pictures in a data set that ``datasets`` saved: read one by one where they lie, so it may be larger than memory."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.listing import Found, Listing
from lissom.tasks.saved import saved_parts, without_hidden

LABELS = ("label", "labels", "fine_label", "class", "target", "cls")


@dataclass(frozen=True)
class SavedPictures:
    """One column of pictures, as bytes or as paths."""

    rows: Any
    column: str
    part: str

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, row: int) -> Image.Image:
        """Open one picture."""
        found = self.rows[row][self.column]
        return Image.open(BytesIO(found["bytes"]) if found["bytes"] is not None else found["path"])

    def name(self, row: int) -> str:
        """Its number, as nothing else is sure to be there."""
        return f"{self.part}, picture {row}"


def find_in_saved(path: Path) -> Found[Image.Image]:
    """List the pictures of a saved data set without decoding one.

    The column of pictures is the one of type ``Image``. Labels are a column called ``label`` or the like, of
    type ``ClassLabel``, or of numbers of the model's outputs.

    Raises:
        LissomError: the folder is damaged, has no pictures, or its labels are no numbers of classes.
    """
    parts = saved_parts(path)
    named = next(iter(parts.values())).features
    label = next((name for name in LABELS if name in named), None)
    classes = () if label is None else tuple(getattr(named[label], "names", None) or ())
    parts, notes = without_hidden(path, parts, label)
    listings = {part: _listing(path, part, data, label) for part, data in parts.items()}
    return Found(path.name, listings, classes, numbered=label is not None and not classes, notes=notes)


def _listing(path: Path, part: str, data: Any, label: str | None) -> Listing[Image.Image]:
    from datasets import Image as Pictures  # pyright: ignore[reportAttributeAccessIssue, reportMissingImports]

    column = next((name for name, feature in data.features.items() if isinstance(feature, Pictures)), None)
    if column is None or len(data) == 0:
        columns = ", ".join(data.features) or "none"
        what = "no pictures" if column is None else "nothing"
        raise LissomError(
            f"{path} has {what} in {part} (columns: {columns})", hint="for texts --task text; for sound --task speech"
        )
    pictures = SavedPictures(data.select_columns([column]).cast_column(column, Pictures(decode=False)), column, part)
    labels = None if label is None else np.asarray(data[label])
    if labels is not None and labels.dtype.kind not in "iu":
        raise LissomError(
            f"the column {label!r} of {path} holds {labels.dtype}, not numbers of classes",
            hint="make it a ClassLabel before it is saved: data.class_encode_column",
        )
    if labels is not None and labels.min() < 0:
        raise LissomError(
            f"picture {int(labels.argmin())} of {part} in {path} has the label {labels.min()}, which is no class",
            hint="leave pictures without a class out before the data set is saved",
        )
    return Listing(pictures, np.arange(len(data)), None if labels is None else labels.astype(np.int64))
