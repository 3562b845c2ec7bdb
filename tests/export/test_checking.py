"""``predict.py --verify`` has an answer whatever is wrong, and programs get it as JSON."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.export.bundle import Contents, predictor, write_bundle


@pytest.mark.parametrize("manifest", [[], ["sha256"], {"sha256": ["model.onnx"]}, {"sha256": None}, {"sha256": "x"}, 3])
def test_a_manifest_that_is_another_kind_of_json_is_a_problem(
    bundle: Path, manifest: Any, predict: Callable[..., Any]
) -> None:
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    done = predict(bundle, "--verify", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    found = json.loads(done.stdout)
    assert not found["ok"] and "manifest.json cannot be read" in found["problems"][0]
    assert "manifest.json cannot be read" in predict(bundle, "--verify").stdout


def outputs_short(contents: Contents) -> Contents:
    return replace(contents, outputs=contents.outputs[:, :-1])


def inputs_wide(contents: Contents) -> Contents:
    return replace(contents, inputs=(np.concatenate([contents.inputs[0]] * 2, axis=-1),))


def input_missing(contents: Contents) -> Contents:
    return replace(contents, inputs=())


@pytest.mark.parametrize("change", [outputs_short, inputs_wide, input_missing])
def test_vectors_that_cannot_be_answered_are_a_problem(
    contents: Contents, change: Callable[[Contents], Contents], tmp_path: Path, predict: Callable[..., Any]
) -> None:
    write_bundle(tmp_path / "bundle", change(contents))
    done = predict(tmp_path / "bundle", "--verify", "--json")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    found = json.loads(done.stdout)
    assert not found["ok"] and "test vectors" in found["problems"][0]


def test_a_decision_that_was_a_tie_is_nobodys(tmp_path: Path) -> None:
    checking: dict[str, Any] = {"__file__": str(tmp_path / "checking.py")}
    exec(predictor("checking"), checking)
    expected = np.asarray([[1.0, 0.9999, 0.0], [1.0, 0.5, 0.0]])
    assert checking["_same"](expected[:, [1, 0, 2]], expected).tolist() == [True, False]


def test_answers_that_are_no_numbers_are_told_as_json(
    contents: Contents, tmp_path: Path, predict: Callable[..., Any]
) -> None:
    inputs = contents.inputs[0].copy()
    inputs[0] = np.nan
    write_bundle(tmp_path / "bundle", replace(contents, inputs=(inputs,)))
    done = predict(tmp_path / "bundle", "--verify", "--json")
    found = json.loads(done.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert done.returncode == 2 and found["problems"] == ["1 of 8 test vectors are answered otherwise"]
