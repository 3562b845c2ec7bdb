"""Data sets that Hugging Face's ``datasets`` saved to disk: Arrow files that are mapped, not read into memory."""

from importlib import import_module
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, MissingExtraError
from lissom.tasks.listing import PARTS

_MARKS = ("dataset_dict.json", "dataset_info.json")


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` wrote this folder."""
    return any((folder / name).is_file() for name in _MARKS)


def saved_parts(path: Path) -> dict[str, Any]:
    """The data sets in a folder by part: ``"train"``, ``"select"``, ``"test"``, or ``"all"`` for one without splits.

    Raises:
        LissomError: ``datasets`` is not installed, the folder is damaged, a split has an unknown name, or two of them
            are the same part.
    """
    try:
        datasets: Any = import_module("datasets")
    except ModuleNotFoundError as error:
        raise MissingExtraError("datasets", "datasets", f"the data set {path}") from error
    try:
        found = datasets.load_from_disk(str(path))
    except Exception as error:  # the library raises whatever its files hold
        raise LissomError(f"the data set {path} cannot be read: {error}", hint="save it again") from error
    splits = dict(found) if isinstance(found, datasets.DatasetDict) else {"all": found}
    unknown = [name for name in splits if name != "all" and name.partition("_")[0].lower() not in PARTS]
    if unknown:
        raise LissomError(f"{path} has a split {unknown[0]!r}", hint=f"known: {', '.join(PARTS)}")
    parts: dict[str, str] = {}
    for name in splits:
        part = name if name == "all" else PARTS[name.partition("_")[0].lower()]
        if part in parts:
            raise LissomError(
                f"{path} has two splits for {part}: {parts[part]!r} and {name!r}", hint="save it with one of them"
            )
        parts[part] = name
    return {part: splits[name] for part, name in parts.items()}
