"""Reading recordings: all samples of each, once, in 16 bits in memory, and what is to be known about some."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.damage import UNREADABLE
from lissom.tasks.listing import Listing
from lissom.tasks.recognition.recordings import Recording
from lissom.tasks.speech.decoding import FULL_SCALE, MEMORY_BYTES, THREADS, UNREADABLE_SHARE
from lissom.tasks.speech.handling import remarks

Sound = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Heard:
    """Sounds, ``(samples,)`` each, with their names and texts, and the names of those that something is to be said of.

    ``texts`` is ``None`` where nobody wrote down what is said.
    """

    sounds: Sequence[Sound]
    names: Sequence[str]
    texts: Sequence[str] | None
    unreadable: tuple[str, ...] = ()
    too_long: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    clipped: tuple[str, ...] = ()

    def at(self, rows: Sequence[int]) -> "Heard":
        """Those at ``rows`` alone."""
        texts = None if self.texts is None else [self.texts[row] for row in rows]
        return replace(
            self, sounds=[self.sounds[row] for row in rows], names=[self.names[row] for row in rows], texts=texts
        )


@dataclass(frozen=True)
class _Read:
    """What reading one recording gave."""

    sound: Sound | None = None
    text: str | None = None
    remarks: tuple[str, ...] = ()
    reason: str = ""
    too_long: bool = False


def check_memory(part: str, lengths: Sequence[float], rate: int, seconds: float) -> None:
    """Refuse more recordings than fit into memory.

    Args:
        part: what they are called in messages.
        lengths: of each, in seconds.
        rate: samples a second of the model.
        seconds: length of its window, above which a recording is left out.

    Raises:
        LissomError: they do not.
    """
    kept = [length for length in lengths if length <= seconds]
    need = sum(kept) * rate * np.dtype(np.int16).itemsize
    if need > MEMORY_BYTES:
        raise LissomError(
            f"{len(kept):,} {part} recordings of {sum(kept) / 3600:,.0f} hours need {need / 1e9:.1f} GB of memory",
            hint="give fewer recordings",
        )


def hear(part: str, listing: Listing[Recording], rate: int, seconds: float, progress: Progress) -> Heard:
    """Read all recordings of a part. Those that are longer than a window are left out: nobody knows which words are
    in which window.

    Args:
        part: what it is called in messages.
        listing: of recordings.
        rate: samples a second of the model.
        seconds: length of its window.
        progress: where to show it.

    Raises:
        LissomError: over one percent cannot be read, none is left, or all are silent.
    """

    def read(row: int) -> _Read:
        try:
            recording = listing.items.read(row)
            if recording.clip.seconds() > seconds:
                return _Read(too_long=True)
            samples = recording.clip.samples(rate)
        except (LissomError, *UNREADABLE) as error:
            return _Read(reason=error.message if isinstance(error, LissomError) else str(error))
        whole = np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        return _Read(whole, recording.text, tuple(remarks(samples)))

    rows = [int(row) for row in listing.rows]
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(progress.track(pool.map(read, rows), f"reading {len(rows):,} {part} recordings", len(rows)))
    named = list(zip(listing.names(), found, strict=True))
    unreadable = tuple(f"{name}: {item.reason}" for name, item in named if item.reason)
    if len(unreadable) > UNREADABLE_SHARE * len(rows):
        shown = "; ".join(unreadable[:3]) + ("; ..." if len(unreadable) > 3 else "")
        raise LissomError(
            f"{len(unreadable)} of {len(rows)} {part} recordings cannot be read: {shown}",
            hint="remove or mend them; below one percent they are left out and listed",
        )
    good = [(name, item, item.sound) for name, item in named if item.sound is not None]
    if not good:
        raise LissomError(
            f"all {len(rows)} {part} recordings are longer than the {seconds:g} s that the model hears",
            hint="cut them into sentences; the bundle itself listens to recordings of any length",
        )
    silent = tuple(name for name, item, _ in good if "silence" in item.remarks)
    if len(silent) == len(good):
        raise LissomError(
            f"all {len(silent)} {part} recordings are silent, such as {silent[0]}", hint="was it recorded?"
        )
    texts = [item.text for _, item, _ in good if item.text is not None]
    return Heard(
        sounds=[sound for _, _, sound in good],
        names=[name for name, _, _ in good],
        texts=texts if len(texts) == len(good) else None,
        unreadable=unreadable,
        too_long=tuple(name for name, item in named if item.too_long),
        silent=silent,
        clipped=tuple(name for name, item, _ in good if any("clipped" in remark for remark in item.remarks)),
    )
