import subprocess
from pathlib import Path

import pytest

from lissom.core import debian
from lissom.core.errors import LissomError


def test_lists_are_fetched_aside_where_there_are_none_and_packages_unpacked(tmp_path, monkeypatch):
    calls = []

    def run(command, **options):
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


def test_a_machine_without_apt_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(debian.shutil, "which", lambda name: None)
    with pytest.raises(LissomError, match="no apt-get here"):
        debian.unpack_packages(["a"], tmp_path)


def test_what_apt_said_last_is_told():
    error = subprocess.CalledProcessError(100, "apt-get", stderr="W: x\nE: Unable to locate package\n")
    assert debian.said(error) == "E: Unable to locate package"
    assert debian.said(OSError()) == "OSError"
