"""Decoding pictures: once into memory where they fit, otherwise each time they are asked for."""

import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.damage import NO_PICTURE
from lissom.tasks.image.handling import Pixels, Preprocessing, margins
from lissom.tasks.image.pictures import ArrayPictures
from lissom.tasks.listing import Listing

MEMORY_BYTES = int(1.5 * 1024**3)
UNREADABLE_SHARE = 0.01
THREADS = min(8, os.cpu_count() or 1)
CHUNK = 256


class Store(Protocol):
    """Pictures as bytes, resized and cropped."""

    def pixels(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """``(batch, channels or 1, height, width)``, uint8."""
        ...


@dataclass(frozen=True)
class MemoryStore:
    """All pictures in memory: ``(examples, channels or 1, height, width)``, uint8."""

    all: Tensor

    def pixels(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """The pictures at ``rows``."""
        return self.all[torch.from_numpy(rows)]


@dataclass(frozen=True)
class DiskStore:
    """Pictures decoded each time, because they are too many for the memory."""

    listing: Listing
    preprocessing: Preprocessing
    pool: ThreadPoolExecutor

    def pixels(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """The pictures at ``rows``.

        Raises:
            LissomError: one of them turns out to be damaged.
        """
        return torch.from_numpy(np.stack(list(self.pool.map(self._one, rows.tolist()))))

    def _one(self, position: int) -> Pixels:
        row = int(self.listing.rows[position])
        try:
            return self.preprocessing.pixels(self.listing.items.read(row))
        except NO_PICTURE as error:
            raise LissomError(
                f"the picture {self.listing.items.name(row)!r} is damaged: {error}", hint="remove it"
            ) from error


@dataclass(frozen=True)
class Decoded:
    """A store, the listing of what is in it, and the names of pictures that could not be read."""

    store: Store
    listing: Listing
    unreadable: tuple[str, ...] = ()


def decode(
    parts: dict[str, Listing],
    preprocessing: Preprocessing,
    progress: Progress,
    memory_bytes: int = MEMORY_BYTES,
) -> dict[str, Decoded]:
    """Read the pictures of all parts, the small parts first, into memory as long as they fit.

    Raises:
        LissomError: over one percent of the pictures of a part cannot be read.
    """
    left = memory_bytes
    made: dict[str, Decoded] = {}
    for name in sorted(parts, key=lambda part: len(parts[part])):
        listing = parts[name]
        grey = _is_grey(listing)
        need = len(listing) * (1 if grey else preprocessing.depth) * preprocessing.crop[0] * preprocessing.crop[1]
        if need <= left:
            left -= need
            made[name] = _into_memory(name, listing, preprocessing, grey, progress)
        else:
            made[name] = _on_demand(name, listing, preprocessing, progress)
    return {name: made[name] for name in parts}


def _is_grey(listing: Listing) -> bool:
    return isinstance(listing.items, ArrayPictures) and listing.items.pixels.ndim == 3


def _into_memory(part: str, listing: Listing, preprocessing: Preprocessing, grey: bool, progress: Progress) -> Decoded:
    if isinstance(listing.items, ArrayPictures) and preprocessing.resize is None:
        pixels = _cropped_at_once(listing.items.pixels[listing.rows], preprocessing.crop)
        if grey or preprocessing.depth == pixels.shape[1]:
            return Decoded(MemoryStore(torch.from_numpy(pixels)), listing)
    depth = 1 if grey else preprocessing.depth
    pixels = np.empty((len(listing), depth, *preprocessing.crop), dtype=np.uint8)

    def fill(position: int) -> None:
        picture = listing.items.read(int(listing.rows[position]))
        pixels[position] = preprocessing.pixels(picture, grey=grey)

    good, bad = _readable(part, listing, fill, progress, f"decoding {len(listing):,} {part} pictures")
    if bad:
        pixels, listing = pixels[good], listing.at(good)
    return Decoded(MemoryStore(torch.from_numpy(pixels)), listing, bad)


def _on_demand(part: str, listing: Listing, preprocessing: Preprocessing, progress: Progress) -> Decoded:
    def look(position: int) -> None:
        with listing.items.read(int(listing.rows[position])) as picture:
            picture.draft("RGB", (1, 1))  # a JPEG is read to its end, and hardly computed
            picture.load()

    good, bad = _readable(part, listing, look, progress, f"checking {len(listing):,} {part} pictures")
    listing = listing.at(good) if bad else listing
    store = DiskStore(listing, preprocessing, ThreadPoolExecutor(THREADS, "pictures"))
    return Decoded(store, listing, bad)


def _readable(
    part: str, listing: Listing, action: Callable[[int], None], progress: Progress, what: str
) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """Do ``action`` on all pictures; the positions where it went well, and the names where it did not."""

    def attempt(positions: range) -> list[int]:
        return [position for position in positions if not _went_well(action, position)]

    chunks = [range(start, min(start + CHUNK, len(listing))) for start in range(0, len(listing), CHUNK)]
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore")  # Pillow's, on oddities of single files: what matters is counted
        batches = progress.track(_ordered(pool, attempt, chunks), what, len(chunks))
        failed = [bad for batch in batches for bad in batch]
    names = tuple(listing.items.name(int(listing.rows[position])) for position in failed)
    if len(failed) > UNREADABLE_SHARE * len(listing):
        shown = ", ".join(repr(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
        raise LissomError(
            f"{len(failed)} of {len(listing)} {part} pictures cannot be read: {shown}",
            hint="remove or mend them; below one percent they are left out and listed",
        )
    good = np.setdiff1d(np.arange(len(listing)), np.asarray(failed, dtype=np.int64))
    return good, names


def _ordered(
    pool: ThreadPoolExecutor, attempt: Callable[[range], list[int]], chunks: list[range]
) -> Iterator[list[int]]:
    yield from pool.map(attempt, chunks)


def _went_well(action: Callable[[int], None], position: int) -> bool:
    try:
        action(position)
    except NO_PICTURE:
        return False
    return True


def _cropped_at_once(pixels: Pixels, crop: tuple[int, int]) -> Pixels:
    """Centre crop of ``(n, height, width[, 3])``, filled with 0, as ``(n, channels, height, width)``."""
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    left, top, right, bottom = margins(pixels.shape[2], pixels.shape[3], crop)
    if left or top or right or bottom:
        pixels = np.pad(pixels, ((0, 0), (0, 0), (top, bottom), (left, right)))
    y, x = round((pixels.shape[2] - crop[0]) / 2.0), round((pixels.shape[3] - crop[1]) / 2.0)
    return np.ascontiguousarray(pixels[:, :, y : y + crop[0], x : x + crop[1]])
