"""Files out of Debian's packages, for any user: fetched by apt-get when that is allowed, unpacked without root."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lissom.core.errors import LissomError
from lissom.core.packages import Wanted, kept
from lissom.core.progress import Progress

TIMEOUT_SECONDS = 600


@dataclass(frozen=True)
class DebianPackage:
    """A package, in whatever version the machine's lists name.

    Args:
        name: of the package.
        size: of it, in words.
        folder: in it, where the files are, relative to the root.
    """

    name: str
    size: str
    folder: str


def debian_files(
    package: DebianPackage, files: Mapping[str, str], *, download: bool, progress: Progress
) -> dict[str, bytes]:
    """Files of a package, from where it is installed, from the cache, or fetched.

    Args:
        package: the package.
        files: their names below its folder, and the SHA-256 of each.
        download: fetch what is not on the disk.
        progress: shows what is waited for.

    Raises:
        LissomError: they are not on the disk and may not be, or could not be, fetched, or are damaged.
    """
    wanted = Wanted(package.name, f"Debian's package {package.name}", package.size, files)
    installed = Path("/") / package.folder
    if all((installed / name).is_file() for name in files):
        found = {name: (installed / name).read_bytes() for name in files}
        return kept(wanted, lambda: found, download=True, progress=progress)
    return kept(wanted, lambda: _fetched(package, files), download=download, progress=progress)


def _fetched(package: DebianPackage, files: Mapping[str, str]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as temp:
        try:
            root = unpack_packages([package.name], Path(temp))
            return {name: (root / package.folder / name).read_bytes() for name in files}
        except (OSError, subprocess.SubprocessError) as error:
            raise LissomError(
                f"Debian's package {package.name} could not be fetched: {said(error)}",
                hint=f"LISSOM_CACHE names a folder that has {package.name}/ in it already",
            ) from error


def unpack_packages(names: Sequence[str], folder: Path) -> Path:
    """Fetch packages into ``folder`` and unpack them; lists of packages are fetched aside where there are none.

    Returns:
        The folder that stands for ``/``.

    Raises:
        LissomError: there is no apt here, or it left a package out.
        subprocess.SubprocessError: apt could not fetch one, or it cannot be unpacked.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise LissomError("there is no apt-get here")
    if _apt(folder, "download", *names, check=False):
        private = [f"Dir::State::lists={folder}/lists", f"Dir::Cache={folder}/cache"]
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        _apt(folder, "update", options=private)
        _apt(folder, "download", *names, options=private)
    for name in names:
        package = next(folder.glob(f"{name}_*.deb"), None)
        if package is None:
            raise LissomError(f"apt-get left no package {name} behind")
        subprocess.run(["dpkg-deb", "-x", package, folder / "deb"], check=True, capture_output=True, text=True)
    return folder / "deb"


def said(error: Exception) -> str:
    """What apt said last, or what else went wrong, in a line."""
    text = getattr(error, "stderr", None) or str(error)
    lines = [line for line in str(text).strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__


def _apt(folder: Path, *words: str, options: Sequence[str] = (), check: bool = True) -> int:
    settings = [part for option in options for part in ("-o", option)]
    command = ["apt-get", "-q", *settings, *words]
    done = subprocess.run(command, cwd=folder, check=check, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    return done.returncode
