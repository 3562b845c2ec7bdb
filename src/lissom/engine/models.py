"""Models of a run on disk: safetensors and JSON, never a pickle."""

import copy
from dataclasses import replace
from pathlib import Path

from lissom.workload.storage import load_model
from lissom.workload.storage import save_model as save_changed
from lissom.workload.workload import Workload

_MODEL = "model.safetensors"


def save_model(folder: Path, workload: Workload) -> None:
    """Write a workload's model, and what was done to its structure, to ``folder``."""
    save_changed(folder / _MODEL, workload.module, workload.changes)


def restore_model(folder: Path, original: Workload, notes: tuple[str, ...] = ()) -> Workload:
    """The workload that :func:`save_model` wrote, on top of the original."""
    module, changes = load_model(folder / _MODEL, lambda: copy.deepcopy(original.module))
    restored = replace(original, module=module, changes=changes)
    return restored.with_notes(notes[len(original.notes) :])
