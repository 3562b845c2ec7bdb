"""Files out of Debian's packages, fetched and unpacked without root."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lissom.core.errors import LissomError

TIMEOUT_SECONDS = 600


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
