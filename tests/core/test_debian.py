"""Files of Debian's packages: from the cache, from where they are installed, or fetched; checked by their hash."""

import hashlib
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

    def unpacked(name: str, folder: Path) -> Path:
        asked.append(name)
        (folder / "deb" / package.folder).mkdir(parents=True)
        (folder / "deb" / package.folder / "film.avi").write_bytes(CONTENT)
        return folder / "deb"

    monkeypatch.setattr(debian, "unpack", unpacked)
    with pytest.raises(LissomError, match=r"film\.avi of films is not in") as refused:
        debian_files(package, FILES, download=False, progress=QUIET)
    assert "--download fetches it (1 MB)" in refused.value.hints and not asked
    for download in (True, False):
        assert debian_files(package, FILES, download=download, progress=QUIET) == {"film.avi": CONTENT}
    assert asked == ["films"]
    (cache / "film.avi").write_bytes(b"another")
    with pytest.raises(LissomError, match="is not the file of Debian's package films"):
        debian_files(package, FILES, download=True, progress=QUIET)


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
