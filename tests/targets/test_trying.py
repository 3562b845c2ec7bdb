"""A runtime that ends its process is named, and ends nothing else."""

import subprocess

import pytest

from lissom.targets import trying
from lissom.targets.trying import try_apart


@pytest.mark.parametrize(("code", "by"), [(-11, "signal SIGSEGV"), (3, "code 3")])
def test_a_process_that_ends_is_said(monkeypatch: pytest.MonkeyPatch, code: int, by: str) -> None:
    ended = subprocess.CompletedProcess([], code, stdout="", stderr="loading\nno such instruction\n")
    monkeypatch.setattr(trying.subprocess, "run", lambda *_, **__: ended)
    found = try_apart("onnxruntime")
    assert not found["works"] and found["precisions"] == []
    assert found["why"] == f"its process ended with {by}: no such instruction"
