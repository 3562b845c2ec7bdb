"""From what the user gives as data to sentence pairs: a name, files, a folder, a function, an object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError
from lissom.core.files import place_of
from lissom.core.progress import Progress
from lissom.tasks.finding import Readers
from lissom.tasks.finding import find as find_with
from lissom.tasks.listing import Found
from lissom.tasks.translation.datasets import DATASETS
from lissom.tasks.translation.files import Languages, read_aligned, read_folder, read_table, text_of
from lissom.tasks.translation.pairs import Pair, listing, plain, without_known
from lissom.tasks.user_data import given_parts
from lissom.tasks.whole_text import check_whole

_EXPECTED = "give train and test, each a list of (sentence, translation)"


def find(
    data: Any, languages: Languages = None, *, download: bool = False, progress: Progress | None = None
) -> Found[Pair]:
    """Sentences and their translations.

    Pairs that lack either, and pairs to judge by of which the sentence is also learnt from, are left out with a note.

    Args:
        data: the name of a known data set; two line-aligned files as ``FIRST,SECOND``; a CSV, TSV or JSON lines
            file, where a column may say the split; a folder of either; ``file.py:function``; or what such a function
            returns.
        languages: of source and target, as columns or endings have them.
        download: allow a known data set to be fetched.
        progress: shows what is waited for.

    Raises:
        LissomError: nothing there, nothing in it, or it is damaged.
    """
    files = _two_files(data)
    if files is not None:
        found = _found(files[0].name, {"all": read_aligned(*files)})
    else:
        readers = Readers(
            DATASETS,
            _in_object,
            lambda path: _found(path.name, read_folder(path, languages)),
            lambda path: _found(path.stem, read_table(path, languages)),
        )
        found = find_with(data, readers, download=download, progress=progress)
    return found


def _two_files(data: Any) -> tuple[Path, Path] | None:
    names = str(data).split(",") if isinstance(data, str) else []
    if len(names) != 2:
        return None
    first, second = (place_of(name.strip()) for name in names)
    return first, second


def _in_object(data: Any, where: str) -> Found[Pair]:
    given, _ = given_parts(data, where, _EXPECTED)
    parts: dict[str, list[Pair]] = {}
    for name, rows in given.items():
        if not isinstance(rows, Sequence) or not all(isinstance(row, tuple | list) and len(row) == 2 for row in rows):
            raise LissomError(f"the part {name} of {where} is no list of pairs", hint=_EXPECTED)
        parts[name] = [(text_of(source), text_of(target)) for source, target in rows]
        for number, pair in enumerate(parts[name]):
            check_whole("\n".join(pair), f"pair {number} of the part {name} of {where}")
    return _found(where, parts)


def _found(name: str, parts: dict[str, list[Pair]]) -> Found[Pair]:
    """Parts without what cannot be learnt from or judged by."""
    kept = {part: [(a, b) for a, b in rows if a.strip() and b.strip()] for part, rows in parts.items()}
    empty = sum(map(len, parts.values())) - sum(map(len, kept.values()))
    if not any(kept.values()):
        raise LissomError(f"{name} holds no pair of which both sides have text", hint=_EXPECTED)
    notes = [f"{empty} pairs of which one side is empty were left out"] if empty else []
    known: list[Pair] = []
    repeated = 0
    for part in [part for part in ("train", "select", "test") if part in kept]:
        rows = kept[part] if part == "train" else without_known(kept[part], known)
        repeated += len(kept[part]) - len(rows)
        kept[part] = rows
        known += rows
    if repeated:
        notes.append(f"{repeated} sentences to judge by that are also learnt from were left out")
    return Found(name, {part: listing(rows) for part, rows in kept.items()}, notes=tuple(notes), together=plain)
