"""Tars of pictures, one or many shards, as WebDataset writes them: read in place, so they may be larger than memory.

Members that share their path up to the first dot of the file's name are one example: ``0017.jpg`` and ``0017.cls``
(the WebDataset format, https://github.com/webdataset/webdataset). Where nothing has a label each picture is an example
of its own, as in any folder. Only where each picture lies is kept.
"""

import json
import os
import re
import tarfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from lissom.core.errors import LissomError
from lissom.tasks.class_folders import arrange
from lissom.tasks.image.folders import ENDINGS, PICTURES
from lissom.tasks.listing import PARTS, Found, Listing

LABELS = ("cls", "json")
LABEL_KEYS = ("label", "cls", "class", "target")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class TarPictures:
    """Pictures in tars, by where they lie: shard, offset and size in bytes, each ``(pictures,)``."""

    shards: Sequence[Path]
    shard: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> Image.Image:
        """Open one picture."""
        with self.shards[self.shard[row]].open("rb") as file:
            file.seek(int(self.offset[row]))
            return Image.open(BytesIO(file.read(int(self.size[row]))))

    def name(self, row: int) -> str:
        """The shard and the path in it."""
        return f"{self.shards[self.shard[row]].name}: {self.names[row]}"


@dataclass(frozen=True)
class _Picture:
    """A picture in a tar: which example it is of, whether it is all of its name that says so, and where it lies."""

    key: str
    plain: bool
    name: str
    offset: int
    size: int


def shards_in(folder: Path) -> list[Path]:
    """The tars of a folder that holds nothing else but tars, texts and tables beside them; else none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    tars = [path for path in files if path.suffix.lower() == ".tar"]
    return [] if any(path.suffix.lower() in ENDINGS for path in files) else tars


def find_in_tars(where: Path, shards: Sequence[Path]) -> Found:
    """List the pictures of tars without decoding one.

    Labels are whole numbers in a ``.cls`` beside each picture, or in a ``.json`` under ``label``, ``cls``, ``class`` or
    ``target``: numbers of the model's outputs. Without them folders within the tars are classes. A shard whose name,
    or whose folder's, begins with ``train``, ``val`` or ``test`` belongs to that split.

    Args:
        where: the tar, or the folder of them, for messages.
        shards: the tars.

    Raises:
        LissomError: one is damaged or compressed, there are no pictures, or some have labels and some have none.
    """
    contents = [_content(shard) for shard in shards]
    labelled = any(labels for _, labels in contents)
    found = [
        (number, item)
        for number, (pictures, _) in enumerate(contents)
        for item in (_one_of_each(pictures) if labelled else pictures)
    ]
    if not found:
        raise LissomError(f"{where} holds no pictures", hint=f"known endings: {' '.join(sorted(ENDINGS))}")
    items = [item for _, item in found]
    pictures = TarPictures(
        tuple(shards),
        np.asarray([number for number, _ in found], dtype=np.int64),
        np.asarray([item.offset for item in items], dtype=np.int64),
        np.asarray([item.size for item in items], dtype=np.int64),
        [item.name for item in items],
    )
    parts = [_part(where, shard) for shard in shards]
    if not labelled:
        names = [_below(parts[number], item) for number, item in found]
        return arrange(str(where), where.stem, pictures, names, PICTURES)
    labels = [contents[number][1].get(item.key) for number, item in found]
    bare = [row for row, label in enumerate(labels) if label is None]
    if bare:
        raise LissomError(
            f"{where}: {len(bare)} of {len(items)} pictures have no label, such as {pictures.name(bare[0])!r}",
            hint="give each a .cls or a .json with its label, or none of them",
        )
    return Found(where.stem, _listings(where, pictures, parts, np.asarray(labels, dtype=np.int64)), numbered=True)


def _one_of_each(pictures: Sequence[_Picture]) -> list[_Picture]:
    """The first picture of each example. Others, such as ``0017.mask.png``, are more of the same example."""
    first: dict[str, _Picture] = {}
    for item in pictures:
        if item.plain:
            first.setdefault(item.key, item)
    return list(first.values())


def _listings(
    where: Path, pictures: TarPictures, parts: Sequence[str | None], labels: npt.NDArray[np.int64]
) -> dict[str, Listing[Image.Image]]:
    """By split, where the names of all shards tell theirs; all together where only some are said to be of train."""
    rows: dict[str, list[int]] = defaultdict(list)
    whole = None in parts
    if whole and {"select", "test"} & set(parts):
        name = pictures.shards[parts.index(None)].name
        raise LissomError(
            f"{where}: {name} tells no split, and others are of select or test",
            hint="begin its name with train, val or test, or move it away",
        )
    for row, number in enumerate(pictures.shard):
        rows["all" if whole else parts[number] or "all"].append(row)
    return {part: Listing(pictures, np.asarray(at, dtype=np.int64), labels[at]) for part, at in rows.items()}


def _part(where: Path, shard: Path) -> str | None:
    """The split that the name of a shard, or of a folder on the way to it, speaks of."""
    way = shard.relative_to(where).parts if where != shard else (shard.name,)
    words = [word[0] for name in way if (word := _WORD.match(name.lower()))]
    return next((PARTS[word] for word in words if word in PARTS), None)


def _below(part: str | None, item: _Picture) -> str:
    return item.name if part is None else f"{part}/{item.name}"


def _content(shard: Path) -> tuple[list[_Picture], dict[str, int]]:
    """The pictures of a tar, and labels by example."""
    pictures: list[_Picture] = []
    labels: dict[str, int] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                if member.isfile():
                    _take(shard, archive, member, pictures, labels)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise LissomError(
            f"{shard} cannot be read as a tar: {error}",
            hint="it may be cut off, or compressed: pictures are read in place, from a tar without compression",
        ) from error
    end = os.path.getsize(shard)
    cut = next((item for item in pictures if item.offset + item.size > end), None)
    if cut is not None:
        raise LissomError(f"{shard} is cut off within {cut.name!r}", hint="fetch it again")
    return pictures, labels


def _take(
    shard: Path,
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    pictures: list[_Picture],
    labels: dict[str, int],
) -> None:
    folder, slash, file = member.name.rpartition("/")
    stem, _, ending = file.partition(".")
    if file.startswith("."):
        return
    key, plain = f"{folder}{slash}{stem}", f".{ending.lower()}" in ENDINGS
    if plain or os.path.splitext(file)[1].lower() in ENDINGS:
        pictures.append(_Picture(key, plain, member.name, member.offset_data, member.size))
    elif ending.lower() in LABELS:
        text = archive.extractfile(member)
        label = None if text is None else _label(text.read(), ending.lower())
        if label is None and ending.lower() == "cls":
            raise LissomError(f"{shard}: {member.name} is not a whole number", hint="labels are numbers of outputs")
        if label is not None:
            labels[key] = label


def _label(content: bytes, ending: str) -> int | None:
    try:
        value = json.loads(content)
    except ValueError:
        return None
    if ending == "json" and isinstance(value, dict):
        value = next((value[key] for key in LABEL_KEYS if key in value), None)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
