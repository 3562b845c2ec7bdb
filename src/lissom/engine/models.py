"""Models of a run on disk: safetensors and JSON, never a pickle."""

import copy
from pathlib import Path

from safetensors.torch import load_file, save_file

from lissom.core.files import whole_file, write_text
from lissom.graph import Cut, load, save
from lissom.workload.workload import Workload

_CUT = "cut.json"
_MODEL = "model.safetensors"


def save_model(folder: Path, workload: Workload) -> None:
    """Write a workload's model, and what was cut from it, to ``folder``."""
    if workload.cut is None:
        state = {name: tensor.contiguous() for name, tensor in workload.module.state_dict().items()}
        with whole_file(folder / _MODEL) as temporary:
            save_file(state, temporary)
        return
    save(folder / _MODEL, workload.cut, workload.module)
    write_text(folder / _CUT, workload.cut.to_json())


def restore_model(folder: Path, original: Workload, notes: tuple[str, ...] = ()) -> Workload:
    """The workload that :func:`save_model` wrote, on top of the original."""
    if not (folder / _CUT).exists():
        module = copy.deepcopy(original.module)
        module.load_state_dict(load_file(folder / _MODEL))
        return original.with_module(module)
    module = load(folder / _MODEL, lambda: copy.deepcopy(original.module))
    cut = Cut.from_json((folder / _CUT).read_text(encoding="utf-8"))
    restored = original.with_module(module)
    return restored.with_cut(cut, notes[len(original.notes) :])
