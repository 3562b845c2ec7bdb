"""Disks that are full and folders that cannot be written, without being one."""

from pathlib import Path

import pytest

FULL = Path("/dev/full")


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file that is written whole lands on a device that is always full."""
    if not FULL.exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(Path, "with_name", lambda self, name: FULL if name.endswith(".part") else self.parent / name)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
