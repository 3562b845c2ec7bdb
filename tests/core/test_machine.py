"""What machine this is, read from what the system says."""

from pathlib import Path

import pytest

from lissom.core import machine
from lissom.core.machine import describe, has_int8_dot_product, instructions
from lissom.core.records import Machine, from_json, to_json


def with_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(machine, "Path", lambda name: path if name == "/proc/cpuinfo" else Path(name))
    instructions.cache_clear()


@pytest.fixture(autouse=True)
def forgotten():
    yield
    instructions.cache_clear()


@pytest.mark.parametrize(
    ("text", "dot"),
    [
        ("model name\t: A\nflags\t\t: fpu avx2 fma\n", False),
        ("model name\t: A\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("flags\t\t: avx2 avx_vnni\n", True),
        ("Features\t: fp asimd asimddp\n", True),
        ("Features\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_dot_products_are_told_by_the_flags(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, dot: bool
) -> None:
    with_flags(monkeypatch, tmp_path, text)
    assert has_int8_dot_product() is dot
    assert "fpu" not in instructions()


def test_the_processor_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_flags(monkeypatch, tmp_path, "model name\t: Fast: 9000\nflags\t\t: avx2\nmodel name\t: Other\n")
    assert describe().processor == "Fast: 9000"
    assert describe().instructions == ("avx2",)


def test_versions_are_those_that_figures_depend_on() -> None:
    found = describe()
    assert {"python", "lissom", "torch", "onnxruntime", "numpy"} <= set(found.versions)
    assert found.cores >= 1 and found.processor and found.system
    assert from_json(Machine, to_json(found)) == found
