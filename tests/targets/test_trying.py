"""A runtime that ends its process is named, and ends nothing else."""

import subprocess
from pathlib import Path

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


def test_nothing_is_imported_from_where_the_user_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "process ended" not in (try_apart("ncnn")["why"] or "")
