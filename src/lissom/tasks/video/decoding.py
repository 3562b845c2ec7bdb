"""Reading all videos once, in worker processes: which cannot be read is known, and what fits is kept in memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.listing import Listing
from lissom.tasks.video.handling import Frames, Viewing, squared
from lissom.tasks.video.split import PLACES
from lissom.tasks.video.workers import Job, Workers

UNREADABLE_SHARE = 0.01
KEPT_BYTES = 2 * 1024**3  # of a part


@dataclass(frozen=True)
class Decoded:
    """A part: its listing without what cannot be read, the frames that are kept at which ``places`` of their parts of
    the video, and why others are left out."""

    listing: Listing[Path]
    kept: Frames | None
    places: tuple[float, ...]
    unreadable: tuple[str, ...] = ()


def decode(
    part: str,
    listing: Listing[Path],
    viewing: Viewing,
    workers: Workers,
    progress: Progress,
    places: tuple[float, ...] = PLACES,
) -> Decoded:
    """Read all videos of a part.

    Args:
        part: its name.
        listing: the videos.
        viewing: how many frames of what size.
        workers: that decode.
        progress: shows how far it is.
        places: that frames are kept of, where all fit into memory; with less, of the first alone they are looked at.

    Raises:
        LissomError: over one percent cannot be read.
    """
    count, side = len(listing), viewing.resize
    fits = count * len(places) * viewing.frames * side * side * 3 <= KEPT_BYTES
    places = places if fits else places[:1]
    moments = tuple(moment for place in places for moment in viewing.moments([place] * viewing.frames))
    rows = progress.track(listing.rows.tolist(), f"finding {count:,} {part} videos", count)
    paths = [listing.items.read(row) for row in rows]
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
    return Decoded(listing, kept if fits else None, places, told)
