"""Reading all videos once, in worker processes: which cannot be read is known, and what fits is kept in memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import Listing
from lissom.tasks.video.handling import Frames, Viewing
from lissom.tasks.video.split import PLACES, squared
from lissom.tasks.video.workers import Job, Workers

UNREADABLE_SHARE = 0.01
KEPT_BYTES = 2 * 1024**3  # of a part


@dataclass(frozen=True)
class Decoded:
    """A part: its listing without what cannot be read, the frames that are kept, and why others are left out."""

    listing: Listing[Path]
    kept: Frames | None
    unreadable: tuple[str, ...] = ()


def decode(part: str, listing: Listing[Path], viewing: Viewing, workers: Workers, progress: Progress) -> Decoded:
    """Read all videos of a part.

    Raises:
        LissomError: over one percent cannot be read.
    """
    count, side = len(listing), viewing.resize
    fits = count * len(PLACES) * viewing.frames * side * side * 3 <= KEPT_BYTES
    places = PLACES if fits else PLACES[:1]
    moments = tuple(moment for place in places for moment in viewing.moments([place] * viewing.frames))
    paths = [listing.items.read(int(row)) for row in listing.rows]
    kept = np.empty((count if fits else 0, len(moments), side, side, 3), dtype=np.uint8)
    bad: list[tuple[int, str]] = []
    answers = workers.read([Job(path, moments, side) for path in paths])
    for row, answer in enumerate(progress.track(answers, f"decoding {count:,} {part} videos", count)):
        if isinstance(answer, str):
            bad.append((row, answer))
        elif fits:
            kept[row] = squared(answer, side)
    names = listing.names()
    told = tuple(f"{names[row]}: {why}" for row, why in bad)
    if len(bad) > UNREADABLE_SHARE * count:
        shown = "; ".join(told[:3]) + ("; ..." if len(told) > 3 else "")
        raise LissomError(
            f"{len(bad)} of {count} {part} videos cannot be read: {shown}",
            hint="remove or mend them; below one percent they are left out and listed",
        )
    if bad:
        good = np.setdiff1d(np.arange(count), [row for row, _ in bad])
        kept, listing = kept[good] if fits else kept, listing.at(good)
    return Decoded(listing, kept if fits else None, told)
