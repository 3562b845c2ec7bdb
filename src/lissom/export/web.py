"""A bundle as a static page: the ONNX artefact runs in the browser, and nothing is asked of any other address."""

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from lissom.core.errors import LissomError
from lissom.core.files import sha256, writing
from lissom.export.web_runtime import web_runtime

_SHOWN = 2  # test vectors
_PAGES = ("index.html", "page.mjs", "handling.mjs")
_PART = ".part"
_ANEW = "write the bundle anew: lissom apply RUN --budget LIMITS -o OTHER"


def write_web(folder: Path, bundle: Path, *, download: bool = False) -> None:
    """Write the page of a bundle to ``folder``, whole or not at all.

    Args:
        folder: where the page goes; it has to be empty, or not there. One that is there is filled, and stays the same
            folder: somebody may stand in it.
        bundle: of a run on the target ``onnxruntime`` that classifies pictures.
        download: allow the runtime for browsers to be fetched.

    Raises:
        LissomError: it is another kind of bundle, one that was altered, the runtime is not there or is another than
            is known, or the folder is not empty.
    """
    manifest, handling = _read(bundle, "manifest.json"), _read(bundle, "handling.json")
    if manifest.get("target") != "onnxruntime" or handling.get("task") != "image":
        raise LissomError(
            f"{bundle} is for {manifest.get('target')} and the task {handling.get('task')}",
            hint="a page runs image classifiers of the target onnxruntime",
        )
    _check_whole(bundle, manifest)
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(item.name != _PART for item in folder.iterdir())):
        raise LissomError(f"{folder} is not empty", hint="choose another folder with -o")
    runtime = web_runtime(download=download)
    making = folder / _PART if folder.exists() else folder.with_name(f".{folder.name}{_PART}")
    with writing(folder):
        try:
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            for name, content in runtime.items():
                (making / name).write_bytes(content)
            shutil.copyfile(bundle / manifest["artefact"], making / manifest["artefact"])
            for name in _PAGES:
                source = resources.files("lissom.export").joinpath("pages", name)
                (making / name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
            _write_facts(making, bundle, manifest, handling)
            _put_in_place(making, folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def _put_in_place(making: Path, folder: Path) -> None:
    """Move a page that is whole to its folder; into one that is there file by file, what opens it last."""
    if not folder.exists():
        making.rename(folder)
        return
    names = sorted((item.name for item in making.iterdir()), key=lambda name: name == _PAGES[0])
    try:
        for name in names:
            (making / name).rename(folder / name)
    except BaseException:
        for name in names:
            (folder / name).unlink(missing_ok=True)
        raise


def _check_whole(bundle: Path, manifest: dict[str, Any]) -> None:
    """Refuse a bundle of which something that the page is made of is not as it was written."""
    recorded, artefact = manifest.get("sha256", {}), manifest.get("artefact", "")
    for name in (artefact, "handling.json", "vectors.npz"):
        path = bundle / Path(name).name
        if path.name != name or not path.is_file() or recorded.get(name) != sha256(path):
            raise LissomError(f"{path} is missing or was altered", hint=_ANEW)


def _write_facts(making: Path, bundle: Path, manifest: dict[str, Any], handling: dict[str, Any]) -> None:
    """What the page reads: handling, classes, and test vectors with the answers that they should get."""
    with np.load(bundle / "vectors.npz") as vectors:
        inputs, outputs = vectors["input_0"][:_SHOWN], vectors["outputs"][:_SHOWN]
    (making / "vectors.bin").write_bytes(np.ascontiguousarray(inputs, dtype="<f4").tobytes())
    facts = {
        "artefact": manifest["artefact"],
        "model": manifest.get("model", ""),
        "preprocessing": handling["preprocessing"],
        "classes": handling.get("classes", []),
        "vectors": {"shape": list(inputs.shape), "outputs": outputs.tolist()},
    }
    (making / "facts.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def _read(bundle: Path, name: str) -> dict[str, Any]:
    path = bundle / name
    if not path.is_file():
        raise LissomError(f"{bundle} is not a bundle: it has no {name}", hint="a run's bundle is in RUN/bundle")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LissomError(f"{path} is damaged", hint=_ANEW) from error
