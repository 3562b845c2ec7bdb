"""The deployable folder: artefact, handling, test vectors, a predictor without PyTorch, a model card.

A bundle is made beside its place and moved there when it is whole.
"""

import importlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lissom.core.files import bring_to_disk, sha256, writing
from lissom.tasks import TASKS
from lissom.tasks.kind import Kind

SCHEMA = 2
ARTEFACT = "model"
_ERRORS = "lissom.core.errors"
_ERRORS_IMPORT = f"from {_ERRORS} import LissomError\n"
_ERRORS_INSTEAD = """
class LissomError(ValueError):
    def __init__(self, message, *, hint=""):
        super().__init__(f"{message} ({hint})" if hint else message)
"""


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle.

    ``files`` are the artefact's, the main one first; ``runner`` is the module of :mod:`lissom.export.runners` that runs
    them. ``handling`` is the workload's. ``inputs`` are the test vectors, one array for each input of the model,
    ``outputs`` what the artefact answers and ``original`` what the PyTorch model does that it was made from, all
    ``(examples, ...)``. ``card`` is the text of the model card. ``attached`` are files that the handling reads.
    """

    files: tuple[Path, ...]
    runner: str
    task: str
    handling: dict[str, Any]
    classes: tuple[str, ...]
    inputs: tuple[npt.NDArray[Any], ...]
    outputs: npt.NDArray[Any]
    original: npt.NDArray[Any]
    card: str
    facts: dict[str, Any]
    attached: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


def write_bundle(folder: Path, contents: Contents) -> None:
    """Write a bundle to ``folder``, whole or not at all; one that is there is replaced."""
    making = folder.with_name(f".{folder.name}.part")
    with writing(folder):
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        for file in contents.files:
            shutil.copyfile(file, making / f"{ARTEFACT}{file.name.removeprefix(contents.files[0].stem)}")
        handling = {**contents.handling, "task": contents.task, "classes": list(contents.classes)}
        write_json_file(making / "handling.json", handling)
        _write_vectors(making / "vectors.npz", contents)
        for name, content in contents.attached.items():
            (making / name).write_bytes(content)
        (making / "predict.py").write_text(predictor(contents.task), encoding="utf-8")
        (making / "handling.py").write_text(handling_source(contents.task), encoding="utf-8")
        (making / "checking.py").write_text(predictor("checking"), encoding="utf-8")
        for name, source in {**runner_sources(contents.runner), **carried_sources(contents.task)}.items():
            (making / name).write_text(source, encoding="utf-8")
        requirements = "\n".join(_requirements(contents))
        (making / "requirements.txt").write_text(f"{requirements}\n", encoding="utf-8")
        (making / "README.md").write_text(contents.card, encoding="utf-8")
        hashes = {item.name: sha256(item) for item in sorted(making.iterdir())}
        manifest = {"schema": SCHEMA, "artefact": f"{ARTEFACT}{contents.files[0].suffix}", "sha256": hashes}
        write_json_file(making / "manifest.json", {**manifest, **contents.facts})
        replace_folder(making, folder)


def predictor(task: str) -> str:
    """The source of ``predict.py`` for a task."""
    return resources.files("lissom.export.predictors").joinpath(f"{task}.py").read_text(encoding="utf-8")


def handling_source(task: str) -> str:
    """The source of what happens to an input before the model, free of lissom."""
    kind = TASKS.get(task)
    source = resources.files(kind.handling).joinpath("handling.py").read_text(encoding="utf-8")
    source = _beside(source.replace(_ERRORS_IMPORT, _ERRORS_INSTEAD), _files(kind))
    assert "from lissom" not in source, "the handling imports more of lissom than its errors and what is carried"
    return source


def carried_sources(task: str) -> dict[str, str]:
    """Further modules that a task's bundle has, free of lissom, by name of the file."""
    kind = TASKS.get(task)
    places = {f"{kind.handling}.handling": "handling", _ERRORS: "handling", **_files(kind)}
    found: dict[str, str] = {}
    for name, module in kind.carried.items():
        package, _, file = module.rpartition(".")
        source = _beside(resources.files(package).joinpath(f"{file}.py").read_text(encoding="utf-8"), places)
        assert "from lissom" not in source and "import lissom" not in source, f"{name} imports lissom"
        found[name] = source
    return found


def _files(kind: Kind) -> dict[str, str]:
    """The modules that are carried, each with its name in a bundle."""
    return {module: Path(name).stem for name, module in kind.carried.items()}


def _beside(source: str, places: Mapping[str, str]) -> str:
    """A source that imports from beside it what it has from modules of lissom."""
    for module, name in places.items():
        source = source.replace(f"from {module} import", f"from {name} import")
    return source


def runner_sources(runner: str) -> dict[str, str]:
    """How the artefact is run, free of lissom: ``runner.py`` and what it imports, by name of the file."""
    package, _, name = runner.rpartition(".")
    beside = f"from {package}."
    waiting, found = [name], dict[str, str]()
    while waiting:
        file = waiting.pop()
        source = resources.files(package).joinpath(f"{file}.py").read_text(encoding="utf-8")
        waiting += re.findall(rf"^{re.escape(beside)}(\w+) import", source, re.MULTILINE)
        found["runner.py" if file == name else f"{file}.py"] = source.replace(beside, "from ")
        assert "from lissom" not in source.replace(beside, ""), "a runner imports what lies beside it alone of lissom"
    return found


def _requirements(contents: Contents) -> list[str]:
    runtime: tuple[str, ...] = importlib.import_module(contents.runner).REQUIREMENTS
    return list(dict.fromkeys((*TASKS.get(contents.task).requirements, *runtime)))


def _write_vectors(path: Path, contents: Contents) -> None:
    arrays = {f"input_{number}": array for number, array in enumerate(contents.inputs)}
    np.savez_compressed(path, **arrays, outputs=contents.outputs, original=contents.original)  # pyright: ignore[reportArgumentType]


def replace_folder(making: Path, folder: Path) -> None:
    """Put a folder that is whole in the place of one that may be there; it is on the disk before it has its name, and
    with its name when this returns."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    bring_to_disk(making)
    if folder.exists():
        os.replace(folder, old)
    os.replace(making, folder)
    bring_to_disk(folder)
    shutil.rmtree(old, ignore_errors=True)


def write_json_file(path: Path, value: Any) -> None:
    """Write a JSON file into a folder that is being made."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
