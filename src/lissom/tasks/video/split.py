"""A split of videos: clips of any examples, as they are or as an augmented view."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from lissom.core.errors import LissomError
from lissom.tasks.kept_views import KeptViews
from lissom.tasks.video.film import small_film
from lissom.tasks.video.handling import Frames, Viewing, squared
from lissom.tasks.video.workers import Job, Workers
from lissom.workload.workload import Batch

Drawn = Callable[[int, np.random.Generator], Frames]
MIDDLE = 0.5
PLACES = (MIDDLE, 0.2, 0.8)  # of a frame in its part of the video, of those that views are made of
_VIEWS_BYTES = 2 * 1024**3  # of views of drawn clips


@runtime_checkable
class Drawing(Protocol):
    """A set of videos that can draw another one like any of its own."""

    def draw(self, row: int, viewing: Viewing, generator: np.random.Generator) -> Frames:
        """The frames of a clip like that of a row, ``(frames, resize, resize, 3)``, 0..255."""
        ...


@dataclass(frozen=True)
class VideoSplit:
    """Examples that can be taken by number.

    Args:
        paths: of the videos.
        names: of the videos.
        labels: ``(videos,)``, int64, or ``None`` where there are none.
        viewing: from frames to the model's input.
        augmented: whether views differ from the clip as it is: other frames of each part, or another clip where the
            set can draw one, and another crop.
        flip: whether half of the views are mirrored.
        seed: of the views.
        workers: that decode.
        kept: frames at ``places`` of each part, ``(videos, places * frames, resize, resize, 3)``, where they fit into
            memory; otherwise each clip is decoded when it is taken.
        places: see ``kept``.
        place: of the frames of a clip as it is.
        clips: of each video that its answer is the mean of.
        draw: makes another clip like that of an example, ``(frames, resize, resize, 3)``, where the set can.
        views: that were made of those.
    """

    paths: Sequence[Path]
    names: Sequence[str]
    labels: Tensor | None
    viewing: Viewing
    augmented: bool
    flip: bool
    seed: int
    workers: Workers
    kept: Frames | None = None
    places: tuple[float, ...] = PLACES
    place: float = MIDDLE
    clips: int = 1
    draw: Drawn | None = None
    views: KeptViews = field(default_factory=lambda: KeptViews(_VIEWS_BYTES), compare=False)

    def __len__(self) -> int:
        return len(self.paths)

    def looks(self) -> "tuple[VideoSplit, ...]":
        """The split once for each clip of a video, with frames at another place of the parts."""
        if self.clips == 1:
            return (self,)
        return tuple(replace(self, place=place, clips=1) for place in look_places(self.clips))

    def film(self, row: int) -> bytes:
        """A small copy of one video, as an MP4 file."""
        return small_film(self.paths[row])

    def take(self, indices: Sequence[int], *, view: int | None = None) -> Batch:
        """The examples at ``indices``: inputs ``(batch, 3, frames, height, width)``, targets ``(batch,)``."""
        rows = np.asarray(indices, dtype=np.int64)
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"indices between {rows.min()} and {rows.max()} of a split of {len(self)}")
        if view is None or not self.augmented:
            cut = [self._cut(clip, None) for clip in self._frames(rows.tolist(), None)]
        else:
            cut = self._seen(rows.tolist(), view)
        inputs = np.stack([self.viewing.normalise(frames) for frames in cut])
        where = torch.from_numpy(rows)
        targets = None if self.labels is None else self.labels[where]
        return Batch((torch.from_numpy(inputs),), targets, where)

    def _seen(self, rows: list[int], view: int) -> list[Frames]:
        """A view of each clip, ``(frames, height, width, 3)`` of the model's input."""
        generators = [np.random.default_rng((self.seed, row, view)) for row in rows]
        if self.draw is None:
            clips = self._frames(rows, generators)
            return [self._cut(clip, one) for clip, one in zip(clips, generators, strict=True)]
        another = partial(_another, self.draw, self._cut)
        return [
            self.views.take(row, view, partial(another, row, one)) for row, one in zip(rows, generators, strict=True)
        ]

    def _frames(self, rows: list[int], drawn: list[np.random.Generator] | None) -> list[Frames]:
        """The frames of each clip, ``(frames, resize, resize, 3)``."""
        count = self.viewing.frames
        if self.kept is not None:
            usual = self.places.index(self.place)
            choices = [
                np.full(count, usual) if drawn is None else drawn[k].integers(0, len(self.places), count)
                for k in range(len(rows))
            ]
            return [self.kept[row][at * count + np.arange(count)] for row, at in zip(rows, choices, strict=True)]
        jobs = [
            Job(
                self.paths[row],
                tuple(
                    self.viewing.moments(
                        [self.place] * count if drawn is None else drawn[k].uniform(0, 1, count).tolist()
                    )
                ),
                self.viewing.resize,
            )
            for k, row in enumerate(rows)
        ]
        found: list[Frames] = []
        for row, answer in zip(rows, self.workers.read(jobs), strict=True):
            if isinstance(answer, str):
                raise LissomError(f"{self.names[row]} cannot be read any more: {answer}")
            found.append(squared(answer, self.viewing.resize))
        return found

    def _cut(self, frames: Frames, drawn: np.random.Generator | None) -> Frames:
        if drawn is None:
            return self.viewing.cropped(frames)
        room = self.viewing.resize - np.asarray(self.viewing.crop)
        top, left = (int(drawn.integers(0, most + 1)) for most in room)
        cut = self.viewing.cropped(frames, top, left)
        return cut[:, :, ::-1] if self.flip and drawn.integers(0, 2) else cut


def _another(
    draw: Drawn, cut: Callable[[Frames, np.random.Generator], Frames], row: int, generator: np.random.Generator
) -> Frames:
    return cut(draw(row, generator), generator)


def look_places(clips: int) -> tuple[float, ...]:
    """Where in their parts the frames of each of several clips are, as :meth:`Viewing.clips` has them."""
    return tuple((number + 0.5) / clips for number in range(clips))
