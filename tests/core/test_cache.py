"""What was measured is read again for the same circumstances, and only for those."""

import os
from pathlib import Path
from typing import Any

import pytest

from lissom.core.cache import cache_folder, remembered
from lissom.core.errors import LissomError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Measuring:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Any:
        self.count += 1
        return {"ms": 1.5 * self.count}


def test_the_place_can_be_chosen(folder: Path) -> None:
    assert cache_folder() == folder


def test_a_measurement_is_made_once_for_its_circumstances(folder: Path) -> None:
    measure = Measuring()
    first = remembered("layers", {"target": "a", "threads": 1, "versions": {"x": "1"}}, measure)
    assert first == {"ms": 1.5}
    assert remembered("layers", {"threads": 1, "versions": {"x": "1"}, "target": "a"}, measure) == first
    assert measure.count == 1, "the order in which circumstances are named is no difference"
    for other in ({"target": "a", "threads": 2, "versions": {"x": "1"}}, {"target": "b", "threads": 1}):
        assert remembered("layers", other, measure) != first
    assert remembered("grain", {"target": "a", "threads": 1, "versions": {"x": "1"}}, measure) != first


@pytest.mark.parametrize("content", ["", "{", "[]", '{"measured": 3}', '{"circumstances": {"t": 2}, "measured": 3}'])
def test_what_cannot_be_read_is_measured_anew(folder: Path, content: str) -> None:
    measure = Measuring()
    remembered("layers", {"t": 1}, measure)
    [file] = (folder / "layers").iterdir()
    file.write_text(content)
    assert remembered("layers", {"t": 1}, measure) == {"ms": 3.0} and measure.count == 2
    assert remembered("layers", {"t": 1}, measure) == {"ms": 3.0} and measure.count == 2


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path / "file"))
    assert remembered("layers", {"t": 1}, Measuring()) == {"ms": 1.5}


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LISSOM_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as it is where the system knows no such user
    assert remembered("layers", {"t": 1}, Measuring()) == {"ms": 1.5}, "what is kept is not needed"
    with pytest.raises(LissomError, match="there is no home folder") as caught:
        cache_folder()
    assert "LISSOM_CACHE" in caught.value.hints[0]
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
