"""What is typed reaches the bundle's predictor as it was meant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """One whose predictor says what it is given."""
    (tmp_path / "predict.py").write_text(ECHO)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        (["--", "-text"], ["--", "-text"]),
        (["--json", "--", "-text", "--top"], ["--json", "--", "-text", "--top"]),
        (
            ["a", "--stream", "--top", "2", "--", "-b", "--", "c"],
            ["--top", "2", "a", "--stream", "--", "-b", "--", "c"],
        ),
        (["a", "--beams", "4", "--json"], ["--json", "a", "--beams", "4"]),
        (["a", "--"], ["a"]),
    ],
)
def test_words_behind_two_dashes_stay_there(
    lissom: Callable[..., Any], bundle: Path, typed: list[str], given: list[str]
) -> None:
    done = lissom("predict", bundle, *typed)
    assert done.code == 0, done.err
    assert json.loads(done.out) == given


def test_the_bundle_may_stand_behind_them_too(lissom: Callable[..., Any], bundle: Path) -> None:
    assert json.loads(lissom("predict", "--top", "1", "--", bundle, "-b").out) == ["--top", "1", "--", "-b"]
