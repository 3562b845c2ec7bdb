"""From what the user gives as data to what it holds: a name, a folder, a zip, a manifest, a function, an object."""

from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.tasks.class_folders import Kind, arrange, names_in_folder, open_zip
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.listing import Found, Listing
from lissom.tasks.speech.clips import Clip, FileClips, ObjectClips, ZipClips
from lissom.tasks.speech.datasets import DATASETS
from lissom.tasks.speech.manifest import find_in_manifest
from lissom.tasks.speech.speakers import with_speakers
from lissom.tasks.user_data import given_parts

CLIPS = Kind("clip", "clips", frozenset([".wav", ".flac", ".ogg", ".aiff", ".aif", ".au", ".mp3"]))
EXPECTED = (
    "return (train, test), (train, select, test), or a dict of these; each a sequence of ((samples, rate), label)"
)


def find(
    data: Any, *, speaker: str | None = None, download: bool = False, progress: Progress | None = None
) -> Found[Clip]:
    """List what a source of data holds, without decoding a clip.

    Args:
        data: the name of a known data set; a folder or zip of class folders; a manifest in JSON lines;
            ``file.py:function``; or what such a function returns: parts that are sequences of
            ``((samples, rate), label)``, samples ``(n,)`` in -1..1 or whole numbers as files hold them, labels the
            numbers of the model's outputs.
        speaker: a pattern that finds the speaker in a path.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, or it is damaged.
    """
    readers = Readers(
        DATASETS,
        lambda data, where: _in_object(data, where, speaker),
        lambda path: with_speakers(_in_folder(path), speaker),
        lambda path: with_speakers(_in_file(path), speaker),
    )
    return find_with(data, readers, download=download, progress=progress)


def _in_folder(path: Path) -> Found[Clip]:
    names = names_in_folder(path, CLIPS)
    return arrange(str(path), path.name, FileClips(path, names), names, CLIPS)


def _in_file(path: Path) -> Found[Clip]:
    if path.suffix.lower() == ".zip":
        archive, names = open_zip(path, CLIPS)
        return arrange(str(path), path.stem, ZipClips(archive, names), names, CLIPS)
    if path.suffix.lower() in (".jsonl", ".json"):
        return find_in_manifest(path)
    raise LissomError(
        f"{path} is not data that can be read here",
        hint="give a folder or .zip of class folders, a .jsonl of files and labels, or file.py:function",
    )


def _in_object(data: Any, where: str, speaker: str | None) -> Found[Clip]:
    if speaker is not None:
        raise LissomError(
            f"{where} gives samples without paths, in which a speaker could be found",
            hint="leave --speaker out; a folder or a manifest has paths",
        )
    given, classes = given_parts(data, where, EXPECTED)
    parts: dict[str, Listing[Clip]] = {}
    for name, items in given.items():
        try:
            labels = np.asarray([int(items[row][1]) for row in range(len(items))], dtype=np.int64)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            raise LissomError(
                f"{where}: {name} is not a sequence of ((samples, rate), label)", hint=EXPECTED
            ) from error
        parts[name] = Listing(ObjectClips(items, f"{where} {name}"), np.arange(len(items)), labels)
    return Found(where, parts, classes, numbered=True)
