"""Models of a run on disk: safetensors and JSON, never a pickle."""

import copy
import errno
import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes

from lissom.core.files import whole_file, write_text, writing
from lissom.graph import Cut, load, save
from lissom.workload.workload import Workload

_CUT = "cut.json"
_MODEL = "model.safetensors"
_DISK_FULL = f"os error {errno.ENOSPC}"


def save_model(folder: Path, workload: Workload) -> None:
    """Write a workload's model, and what was cut from it, to ``folder``."""
    if workload.cut is None:
        # clones, since one tensor under two names is refused; bytes, since Python has words for a full disk
        state = {name: tensor.cpu().contiguous().clone() for name, tensor in workload.module.state_dict().items()}
        with whole_file(folder / _MODEL) as temporary:
            temporary.write_bytes(to_bytes(state))
        return
    with writing(folder / _MODEL):
        try:
            save(folder / _MODEL, workload.cut, workload.module)
        except SafetensorError as error:
            if _DISK_FULL in str(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise
    write_text(folder / _CUT, workload.cut.to_json())


def restore_model(folder: Path, original: Workload, notes: tuple[str, ...] = ()) -> Workload:
    """The workload that :func:`save_model` wrote, on top of the original."""
    added = notes[len(original.notes) :]
    if not (folder / _CUT).exists():
        module = copy.deepcopy(original.module)
        module.load_state_dict(load_file(folder / _MODEL))
        return original.with_module(module).with_notes(added)
    module = load(folder / _MODEL, lambda: copy.deepcopy(original.module))
    cut = Cut.from_json((folder / _CUT).read_text(encoding="utf-8"))
    restored = original.with_module(module)
    return restored.with_cut(cut, added)
