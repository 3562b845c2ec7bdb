"""ncnn keeps a pointer to its inputs and no reference: they have to be there until the last output is read."""

import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


class Extractor:
    """Gives the sum of its inputs, read when it is asked, as ncnn does."""

    def __init__(self) -> None:
        self._given: list[weakref.ref[Any]] = []

    def input(self, name: str, mat: Any) -> None:
        self._given.append(mat.array)

    def extract(self, name: str) -> tuple[int, Any]:
        arrays = [reference() for reference in self._given]
        assert all(array is not None for array in arrays), "an input was freed before it was read"
        return 0, sum(arrays[1:], arrays[0]) + int(name.removeprefix("out"))


class Net:
    def __init__(self) -> None:
        self.opt = SimpleNamespace()

    def load_param(self, path: str) -> int:
        return 0

    load_model = load_param

    def output_names(self) -> list[str]:
        return [f"out{number}" for number in (10, 2, 0)]

    def blobs(self) -> list[Any]:
        return [SimpleNamespace(name=f"out{number}") for number in range(2)]

    def create_extractor(self) -> Extractor:
        return Extractor()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A network of ncnn's, which is another one here."""
    fake = ModuleType("ncnn")
    vars(fake).update(Net=Net, Mat=lambda array: SimpleNamespace(array=weakref.ref(array)))
    monkeypatch.setitem(sys.modules, "ncnn", fake)
    for name in ("m.param", "m.bin"):
        (tmp_path / name).touch()
    return tmp_path / "m.param"


INPUTS = [np.arange(12, dtype=np.float32).reshape(1, 3, 4).swapaxes(1, 2), np.ones((1, 4, 3), dtype=np.float32)]


def test_inputs_live_until_the_last_output_is_read(files: Path, fresh_runner: Callable[[str], Any]) -> None:
    found = fresh_runner("ncnn_runner").Runner(files).run(INPUTS)
    assert [float(array[0, 0, 0]) for array in found] == [1, 3, 11], "by number"


def test_inputs_live_until_the_last_value_is_read(files: Path) -> None:
    from lissom.targets.ncnn_net import Ncnn

    found = Ncnn().values(files, INPUTS)
    assert {name: float(array[0, 0, 0]) for name, array in found.items()} == {"out0": 1, "out1": 2}
