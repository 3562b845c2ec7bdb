"""Files of Debian's packages: from the cache, from where they are installed, or fetched; checked by their hash."""

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from lissom.core import debian
from lissom.core.debian import DebianPackage, debian_files
from lissom.core.errors import LissomError
from lissom.core.progress import Progress

QUIET = Progress(enabled=False)
CONTENT = b"a film"
FILES = {"film.avi": hashlib.sha256(CONTENT).hexdigest()}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "films"


def test_fetched_once_and_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package, asked = DebianPackage("films", "1 MB", "usr/share/lissom-films"), list[str]()

    def unpacked(names: Sequence[str], folder: Path) -> Path:
        asked.extend(names)
        (folder / "deb" / package.folder).mkdir(parents=True)
        (folder / "deb" / package.folder / "film.avi").write_bytes(CONTENT)
        return folder / "deb"

    monkeypatch.setattr(debian, "unpack_packages", unpacked)
    with pytest.raises(LissomError, match=r"film\.avi of films is not in") as refused:
        debian_files(package, FILES, download=False, progress=QUIET)
    assert "--download fetches it (1 MB)" in refused.value.hints and not asked
    for download in (True, False):
        assert debian_files(package, FILES, download=download, progress=QUIET) == {"film.avi": CONTENT}
    assert asked == ["films"]
    (cache / "film.avi").write_bytes(b"another")
    with pytest.raises(LissomError, match="is not the file of Debian's package films"):
        debian_files(package, FILES, download=True, progress=QUIET)
    (cache / "film.avi").unlink()
    with pytest.raises(LissomError, match=r"^film\.avi is not the file of .*its SHA-256 is [0-9a-f]{64}, not 0000"):
        debian_files(package, {"film.avi": "0000"}, download=True, progress=QUIET)
    assert not (cache / "film.avi").exists(), "what is known to be wrong is not kept"


def test_what_is_installed_is_not_fetched(cache: Path, tmp_path: Path) -> None:
    installed = tmp_path / "usr"
    installed.mkdir()
    (installed / "film.avi").write_bytes(CONTENT)
    package = DebianPackage("films", "1 MB", str(installed).lstrip("/"))
    assert debian_files(package, FILES, download=False, progress=QUIET) == {"film.avi": CONTENT}
    assert (cache / "film.avi").is_file()


def test_what_cannot_be_fetched_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    package = DebianPackage("films", "1 MB", "usr/share/lissom-films")
    with pytest.raises(LissomError, match="there is no apt-get here"):
        debian_files(package, FILES, download=True, progress=QUIET)
    assert not cache.exists()


def test_lists_are_fetched_aside_where_there_are_none_and_packages_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **options: str) -> subprocess.CompletedProcess[str]:
        calls.append([str(word) for word in command])
        failed = command[0] == "apt-get" and "update" not in command and "-o" not in command
        if command[0] == "apt-get" and "download" in command and not failed:
            (Path(options["cwd"]) / "a-package_1.0_all.deb").touch()
        if command[0] == "dpkg-deb":
            (Path(command[-1])).mkdir()
        return subprocess.CompletedProcess(command, 100 if failed else 0, "", "")

    monkeypatch.setattr(debian.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(debian.subprocess, "run", run)
    assert debian.unpack_packages(["a-package"], tmp_path) == tmp_path / "deb"
    assert [call[0] for call in calls] == ["apt-get", "apt-get", "apt-get", "dpkg-deb"]
    assert f"Dir::State::lists={tmp_path}/lists" in calls[1]
    with pytest.raises(LissomError, match="left no package other"):
        debian.unpack_packages(["other"], tmp_path / "b")


def test_a_machine_without_apt_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    with pytest.raises(LissomError, match="no apt-get here"):
        debian.unpack_packages(["a"], tmp_path)


def test_what_apt_said_last_is_told() -> None:
    error = subprocess.CalledProcessError(100, "apt-get", stderr="W: x\nE: Unable to locate package\n")
    assert debian.said(error) == "E: Unable to locate package"
    assert debian.said(OSError()) == "OSError"
