"""A bundle whose answers are others than when it was made is told, whether they decide between classes or not."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.engine import benching
from lissom.export.bundle import Contents, predictor, write_bundle
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.testing import tiny_workload

CLASSES = np.asarray([[2.0, 1.0], [0.5, 1.0]], dtype=np.float32)
NUMBERS = np.asarray([[1.0], [2.0]], dtype=np.float32)


@pytest.mark.parametrize(
    ("outputs", "factor", "told"),
    [(CLASSES, 1.05, False), (CLASSES, -1.0, True), (NUMBERS, 1.005, False), (NUMBERS, 1.05, True)],
)
def test_decisions_have_to_stay_and_numbers_have_to_be_near(
    outputs: np.ndarray, factor: float, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Runner:
        def run(self, inputs: Any) -> list[np.ndarray]:
            return [outputs * np.float32(factor)]

    monkeypatch.setattr(benching, "_altered", lambda bundle: [])
    monkeypatch.setattr(benching, "_loaded", lambda bundle, threads: Runner())
    monkeypatch.setattr(benching, "_vectors", lambda bundle: ([], outputs, outputs))
    problems, parity = benching.check_bundles([Path("bundle")])
    assert bool(problems["bundle"]) == told and parity["bundle"].distance == pytest.approx(abs(factor - 1), rel=1e-3)


def verdict_of_the_bundle(outputs: np.ndarray, found: np.ndarray, folder: Path) -> bool:
    """Whether ``predict.py --verify`` has anything to say."""
    np.savez(folder / "vectors.npz", input_0=np.zeros(len(outputs)), outputs=outputs, original=outputs)
    checking: dict[str, Any] = {"__file__": str(folder / "checking.py")}
    exec(predictor("checking"), checking)
    problems, told = checking["answered"](SimpleNamespace(run=lambda inputs: [found]))
    json.dumps(told, allow_nan=False)
    return bool(problems)


SHAPES = [(4, 3), (4, 1), (4,), (4, 5, 3), (3, 2, 4, 4), (3, 1, 2, 3)]


@settings(max_examples=150)
@given(
    shape=st.sampled_from(SHAPES),
    noise=st.sampled_from([0.0, 2e-4, 9e-4, 3e-3, 9e-3, 1.1e-2, 0.3]),
    broken=st.sampled_from([None, np.nan, np.inf]),
    whole=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_the_verdict_is_that_of_the_bundle_itself(
    shape: tuple[int, ...], noise: float, broken: float | None, whole: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    outputs = random.choice([0.0, 0.5, 0.9995, 1.0], shape).astype(np.float32)  # near ties among them
    found = (outputs + noise * random.uniform(-1, 1, shape) * (random.random(shape) < 0.2)).astype(np.float32)
    if broken is not None:
        found.flat[0] = broken
    if whole and len(shape) == 2:
        outputs, found = (np.nan_to_num(array * 1000, posinf=0).astype(np.int64) for array in (outputs, found))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        answering(patch, outputs, found)
        problems, _ = benching.check_bundles([Path("bundle")])
        assert bool(problems["bundle"]) == verdict_of_the_bundle(outputs, found, Path(folder))


def test_one_token_of_many_texts_is_another_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    outputs = np.zeros((1500, 2), dtype=np.int64)
    found = outputs.copy()
    found[7, 1] = 1
    answering(monkeypatch, outputs, found)
    assert benching.check_bundles([Path("bundle")])[0]["bundle"] and verdict_of_the_bundle(outputs, found, tmp_path)


def answering(patch: pytest.MonkeyPatch, outputs: np.ndarray, found: np.ndarray) -> None:
    """Have a bundle that recorded some outputs answer with others."""
    patch.setattr(benching, "_altered", lambda bundle: [])
    patch.setattr(benching, "_loaded", lambda bundle, threads: SimpleNamespace(run=lambda inputs: [found]))
    patch.setattr(benching, "_vectors", lambda bundle: ([], outputs, outputs))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny network."""
    workload, folder = tiny_workload(), tmp_path_factory.mktemp("whole")
    artefact = OnnxRuntime().export(workload.module, workload.example, folder / "model.onnx")
    inputs = workload.splits.test.take(range(4)).inputs[0].numpy()
    outputs = OnnxRuntime().load(artefact.path, threads=1).run([inputs])[0]
    facts = {"target": "onnxruntime", "precision": "fp32"}
    write_bundle(folder / "bundle", Contents((artefact.path,), "lissom.export.runners.onnx_runner", "image",
                 workload.handling, workload.classes, (inputs,), outputs, outputs, "# Tiny\n", facts))  # fmt: skip
    return folder / "bundle"


def damaged(name: str, change: Callable[[Any], object]) -> Callable[[Path], object]:
    """Change a JSON file of a bundle."""

    def damage(bundle: Path) -> None:
        found = json.loads((bundle / name).read_text(encoding="utf-8"))
        (bundle / name).write_text(json.dumps(change(found)), encoding="utf-8")

    return damage


def cut(name: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).write_bytes((bundle / name).read_bytes()[:-200])


def without(name: str) -> Callable[[Path], object]:
    return lambda bundle: (bundle / name).unlink()


def arrays(**held: np.ndarray) -> Callable[[Path], object]:
    return lambda bundle: np.savez(bundle / "vectors.npz", **held)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("manifest.json"), "is not a bundle: it has no manifest.json"),
        (cut("manifest.json"), "manifest.json is damaged"),
        (damaged("manifest.json", lambda found: [found]), "manifest.json is damaged"),
        (damaged("manifest.json", lambda found: {**found, "sha256": ["x"]}), "manifest.json is damaged"),
        (
            damaged("manifest.json", lambda found: {**found, "target": None}),
            "manifest.json is damaged: it has no target",
        ),
        (damaged("manifest.json", lambda found: {**found, "precision": 8}), "it has no precision"),
        (without("handling.json"), "handling.json is missing"),
        (cut("handling.json"), "handling.json is damaged"),
        (damaged("handling.json", lambda found: {}), "handling.json is damaged"),
        (damaged("handling.json", lambda found: []), "handling.json is damaged"),
        (without("vectors.npz"), "vectors.npz is missing"),
        (cut("vectors.npz"), "vectors.npz is damaged"),
        (lambda bundle: (bundle / "vectors.npz").write_bytes(b""), "vectors.npz is damaged"),
        (arrays(outputs=CLASSES, original=CLASSES), "vectors.npz is damaged: it has no inputs"),
        (arrays(input_0=CLASSES, outputs=CLASSES), "vectors.npz is damaged"),
        (without("model.onnx"), "model.onnx is missing"),
        (cut("model.onnx"), "model.onnx cannot be loaded by ONNX Runtime"),
    ],
)
def test_a_bundle_that_was_copied_in_part_is_said(
    damage: Callable[[Path], object], said: str, whole: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(whole, bundle)
    assert benching.check_bundles([bundle])[0] == {str(bundle): []}
    damage(bundle)
    with pytest.raises(LissomError, match=re.escape(said)):
        benching.measure_bundles([bundle], [1], 0.01)


def test_vectors_that_the_artefact_does_not_take_are_a_problem(whole: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(whole, bundle)
    arrays(input_0=CLASSES, outputs=CLASSES, original=CLASSES)(bundle)
    damaged("manifest.json", lambda found: {**found, "sha256": {}})(bundle)
    problems, parity = benching.check_bundles([bundle])
    assert "the test vectors cannot be answered" in problems[str(bundle)][0] and parity == {}


def test_inputs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    inputs = {f"input_{number}": np.asarray([number]) for number in range(12)}
    np.savez(tmp_path / "vectors.npz", **inputs, outputs=CLASSES, original=CLASSES)  # pyright: ignore[reportArgumentType]
    assert [int(array[0]) for array in benching._vectors(tmp_path)[0]] == list(range(12))
