"""What the containers of videos say: which stream has the pictures, and when these end. A bundle has this file too."""

import re
from fractions import Fraction
from typing import Any

import av
from av.stream import Disposition

USUAL_RATE = Fraction(25)  # frames a second, where a file does not say
_DURATION = re.compile(r"(\d{1,4}):(\d\d):(\d\d(?:\.\d{1,9})?)")  # as Matroska has it


def pictures(container: Any) -> Any:
    """The first stream of pictures that is no cover of sound; ``None`` where there is none."""
    cover = Disposition.attached_pic
    return next((stream for stream in container.streams.video if not stream.disposition & cover), None)


def instead_of_pictures(container: Any) -> str:
    """What a file holds where it holds no pictures."""
    return "it holds sound alone, no video" if container.streams.audio else "it holds no video"


def announced(container: Any, stream: Any) -> Fraction:
    """When the pictures end, in seconds, as the file says; 0 where it does not.

    MP4 says how long each stream is shown, edits taken in, and AVI how many frames there are. Matroska says in a tag
    when each stream ends, or else how long the whole lasts, which sound may make longer than the pictures.
    """
    form = container.format.name
    if form == "avi":
        return stream.frames / Fraction(stream.average_rate or USUAL_RATE)
    if "mp4" in form and stream.duration is not None:
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    if "matroska" in form:
        tags = (_DURATION.match(value) for key, value in stream.metadata.items() if key.startswith("DURATION"))
        for tag in filter(None, tags):
            return sum((Fraction(part) * 60 ** (2 - place) for place, part in enumerate(tag.groups())), Fraction(0))
        if len(container.streams) == 1:
            return Fraction(container.duration or 0, av.time_base)
    return Fraction(0)
