"""Decoding clips: the window that the model hears of each, once, as 16-bit samples in memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.damage import UNREADABLE
from lissom.tasks.listing import Listing
from lissom.tasks.speech.clips import Clip
from lissom.tasks.speech.handling import Features, remarks

FULL_SCALE = 32767
UNREADABLE_SHARE = 0.01
MEMORY_BYTES = 6 * 1024**3
THREADS = min(4, os.cpu_count() or 1)
_CHUNK = 64
Window = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Decoded:
    """Windows ``(clips, samples)``, int16, the listing of what is in them, and what is to be known about some."""

    windows: Window
    listing: Listing[Clip]
    unreadable: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def decode(part: str, listing: Listing[Clip], features: Features, progress: Progress) -> Decoded:
    """Read all clips of a part.

    Raises:
        LissomError: over one percent cannot be read, all are silent, or they are too many for the memory.
    """
    need = len(listing) * features.length * 2
    if need > MEMORY_BYTES:
        raise LissomError(
            f"{len(listing):,} {part} clips of {features.seconds:g} s need {need / 1e9:.1f} GB of memory",
            hint="give a lower --rate, or fewer clips",
        )
    windows = np.zeros((len(listing), features.length), dtype=np.int16)

    def fill(places: range) -> tuple[list[tuple[int, str]], list[int]]:
        bad: list[tuple[int, str]] = []
        silent: list[int] = []
        for place in places:
            try:
                samples = listing.items.read(int(listing.rows[place])).samples(features.rate)
            except (LissomError, *UNREADABLE) as error:
                bad.append((place, error.message if isinstance(error, LissomError) else str(error)))
                continue
            if "silence" in remarks(samples):
                silent.append(place)
            window = features.window(samples)
            windows[place] = np.clip(np.rint(window * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        return bad, silent

    chunks = [range(start, min(start + _CHUNK, len(listing))) for start in range(0, len(listing), _CHUNK)]
    with ThreadPoolExecutor(THREADS) as pool:
        done = list(progress.track(pool.map(fill, chunks), f"decoding {len(listing):,} {part} clips", len(chunks)))
    failed = [item for bad, _ in done for item in bad]
    names = listing.names()
    told = tuple(f"{names[place]}: {reason}" for place, reason in failed)
    if len(failed) > UNREADABLE_SHARE * len(listing):
        shown = "; ".join(told[:3]) + ("; ..." if len(told) > 3 else "")
        raise LissomError(
            f"{len(failed)} of {len(listing)} {part} clips cannot be read: {shown}",
            hint="remove or mend them; below one percent they are left out and listed",
        )
    silent = tuple(names[place] for _, places in done for place in places)
    if silent and len(silent) == len(listing):
        raise LissomError(f"all {len(silent)} {part} clips are silent, such as {silent[0]}", hint="was it recorded?")
    if failed:
        good = np.setdiff1d(np.arange(len(listing)), [place for place, _ in failed])
        windows, listing = windows[good], listing.at(good)
    return Decoded(windows, listing, told, silent)


def as_samples(windows: Window) -> npt.NDArray[np.float32]:
    """16-bit samples as numbers in -1..1."""
    return windows.astype(np.float32) / np.float32(FULL_SCALE)
