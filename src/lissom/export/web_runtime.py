"""ONNX Runtime for browsers: fetched once from the npm registry when that is allowed, and kept."""

import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from lissom.core.cache import cache_folder
from lissom.core.errors import LissomError
from lissom.core.files import whole_file

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def web_runtime(*, download: bool) -> tuple[Path, ...]:
    """The files that a page needs to run an ONNX artefact.

    Args:
        download: allow them to be fetched where they are not kept yet.

    Raises:
        LissomError: they are not there and may not be fetched, or npm cannot fetch them.
    """
    folder = cache_folder() / f"{PACKAGE}-{VERSION}"
    files = tuple(folder / name for name in FILES)
    if not all(file.is_file() for file in files):
        if not download:
            raise LissomError(
                f"{PACKAGE} {VERSION}, which runs a model in a browser, is not in {folder}",
                hint=("--download fetches it from the npm registry, once", f"or put {', '.join(FILES)} there"),
            )
        _fetch(folder)
    return files


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise LissomError(f"npm, which fetches {PACKAGE}, is not installed", hint="install Node.js with npm")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--json", "--pack-destination", place]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise LissomError(f"npm could not fetch {PACKAGE} {VERSION}: {last[:200]}")
        archive = Path(place) / Path(json.loads(done.stdout)[0]["filename"]).name
        with tarfile.open(archive) as packed:
            for name in FILES:
                found = packed.extractfile(f"package/dist/{name}")
                assert found is not None, "a file of the package"
                with whole_file(folder / name) as temporary:
                    temporary.write_bytes(found.read())
