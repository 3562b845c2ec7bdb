"""Debian's packages: fetched and unpacked into a folder, without root and without being installed."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lissom.core.errors import LissomError

TIMEOUT_SECONDS = 600


def unpack(packages: Sequence[str], folder: Path) -> None:
    """Fetch packages, which apt-get checks, and unpack them one over the other.

    Lists of packages are fetched aside where there are none. Nothing that they depend on comes along.

    Args:
        packages: their names.
        folder: gets ``usr/`` and what else they have.

    Raises:
        LissomError: there is no apt-get, or a package could not be fetched.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise LissomError("there is no apt-get here")
    with tempfile.TemporaryDirectory() as temp:
        aside = Path(temp)
        try:
            _download(packages, aside)
            for package in sorted(aside.glob("*.deb")):
                subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True, text=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise LissomError(f"apt-get: {_last_line(error)}") from error
        missing = [name for name in packages if not list(aside.glob(f"{name}_*.deb"))]
    if missing:
        raise LissomError(f"apt-get left no package {', '.join(missing)} behind")


def _download(packages: Sequence[str], folder: Path) -> None:
    if _apt(folder, "download", *packages, check=False):
        private = [f"Dir::State::lists={folder}/lists", f"Dir::Cache={folder}/cache"]
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        _apt(folder, "update", options=private)
        _apt(folder, "download", *packages, options=private)


def _apt(folder: Path, *words: str, options: Sequence[str] = (), check: bool = True) -> int:
    settings = [part for option in options for part in ("-o", option)]
    command = ["apt-get", "-q", *settings, *words]
    done = subprocess.run(command, cwd=folder, check=check, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    return done.returncode


def _last_line(error: Exception) -> str:
    text = getattr(error, "stderr", None) or str(error)
    lines = [line for line in str(text).strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
