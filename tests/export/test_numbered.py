"""The tenth input comes after the second."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lissom.export.runners.numbered import by_number


def test_numbers_in_names_count() -> None:
    names = ["args_10", "args_2", "args_1:0", "args_1", "a", "10", "2b"]
    assert sorted(names, key=by_number) == ["2b", "10", "a", "args_1", "args_1:0", "args_2", "args_10"]


def test_litert_is_given_its_inputs_in_order(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_runner: Callable[[str], Any]
) -> None:
    class Interpreter:
        def __init__(self, **options: Any) -> None:
            self.given: dict[int, Any] = {}

        def allocate_tensors(self) -> None: ...

        def invoke(self) -> None: ...

        def get_input_details(self) -> list[dict[str, Any]]:
            return [{"name": f"serving_default_args_{number}:0", "index": number} for number in range(12)]

        def get_output_details(self) -> list[dict[str, Any]]:
            return [{"name": f"StatefulPartitionedCall:{number}", "index": number} for number in reversed(range(12))]

        def set_tensor(self, index: int, array: Any) -> None:
            self.given[index] = array

        def get_tensor(self, index: int) -> Any:
            return self.given[index]

    fake = ModuleType("ai_edge_litert.interpreter")
    vars(fake)["Interpreter"] = Interpreter
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", fake)
    (tmp_path / "m.tflite").touch()
    found = (
        fresh_runner("litert_runner")
        .Runner(tmp_path / "m.tflite")
        .run([np.asarray([[number]]) for number in range(12)])
    )
    assert [int(array[0, 0]) for array in found] == list(range(12))
