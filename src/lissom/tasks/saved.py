"""Data sets that Hugging Face's ``datasets`` saved to disk: Arrow files that are mapped, not read into memory."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, MissingExtraError
from lissom.tasks.listing import PARTS

_MARKS = ("dataset_dict.json", "dataset_info.json")
_HIDDEN = -1  # the label of all examples of a split whose labels are kept back


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


def without_hidden(path: Path, parts: Mapping[str, Any], label: str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parts whose labels are there, and notes on the others.

    Benchmarks keep the labels of their test split back, and write -1 for each: such a split has none.

    Args:
        path: where they were saved.
        parts: data sets by part.
        label: the column of labels, if there is one.

    Raises:
        LissomError: no part has labels in that column.
    """
    hidden = [
        name for name, data in parts.items() if label and len(data) and all(value == _HIDDEN for value in data[label])
    ]
    if hidden and len(hidden) == len(parts):
        raise LissomError(
            f"every label in the column {label!r} of {path} is {_HIDDEN}, which stands for none",
            hint=f"save it without that column: data.remove_columns({label!r})",
        )
    notes = tuple(f"the {name} split has no labels ({_HIDDEN}) and was left out" for name in hidden)
    return {name: data for name, data in parts.items() if name not in hidden}, notes
