"""Who speaks in which clip, out of the paths of files: a pattern, a folder, or the names of Speech Commands."""

import re
from dataclasses import replace

import numpy as np

from lissom.core.errors import LissomError
from lissom.tasks.listing import PARTS, Found
from lissom.tasks.speech.clips import Clip

_SPEECH_COMMANDS = re.compile(r"([0-9a-f]{6,})_nohash_\d+\.\w+$")  # Warden 2018, section 5.7
_KNOWN_SHARE = 0.5


def with_speakers(found: Found[Clip], pattern: str | None) -> Found[Clip]:
    """The same clips with their speakers, where these can be told.

    Args:
        found: what a folder, zip or manifest holds.
        pattern: a regular expression that is looked for in each path; its first group is the speaker. Without one,
            a folder between the class and the clip is the speaker, and so is what stands before ``_nohash_``.

    Raises:
        LissomError: the pattern is not possible, or does not fit every path.
    """
    if any(part.groups is not None for part in found.parts.values()):
        return found
    names = {part: listing.names() for part, listing in found.parts.items()}
    everything = [name for listed in names.values() for name in listed]
    if pattern is not None:
        compiled = _compiled(pattern)
        wrong = next((name for name in everything if compiled.search(name) is None), None)
        if wrong is not None:
            raise LissomError(f"the pattern of speakers {pattern!r} does not fit {wrong!r}")
        told = {part: [_group(compiled, name) for name in listed] for part, listed in names.items()}
    elif sum(_SPEECH_COMMANDS.search(name) is not None for name in everything) > _KNOWN_SHARE * len(everything):
        told = {part: [_group(_SPEECH_COMMANDS, name) for name in listed] for part, listed in names.items()}
    elif everything and found.classes and all(_folder(name, found.classes) for name in everything):
        told = {part: [_folder(name, found.classes) for name in listed] for part, listed in names.items()}
    else:
        return found
    parts = {part: replace(listing, groups=np.asarray(told[part])) for part, listing in found.parts.items()}
    return replace(found, parts=parts)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LissomError(f"the pattern of speakers {pattern!r} is not one: {error}") from error
    if not compiled.groups:
        raise LissomError(f"the pattern of speakers {pattern!r} has no group", hint=r"such as '_(\w+)_\d+\.wav'")
    return compiled


def _group(pattern: re.Pattern[str], name: str) -> str:
    match = pattern.search(name)
    return name if match is None else str(match[1])  # what has no speaker is one of its own


def _folder(name: str, classes: tuple[str, ...]) -> str:
    """The folder just below that of the class, if the clip is not in the class folder itself."""
    path = name.split("/")
    place = next((k for k, part in enumerate(path) if part in classes and part.lower() not in PARTS), None)
    return path[place + 1] if place is not None and len(path) == place + 3 else ""
