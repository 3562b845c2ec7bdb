"""The deployable folder: whole or not at all, and it predicts without torch or lissom what the original did."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lissom.core.errors import LissomError
from lissom.core.files import sha256
from lissom.export import bundle as bundling
from lissom.export.bundle import Contents, handling_source, predictor, runner_sources, write_bundle
from lissom.tasks import TASKS
from lissom.tasks.image.handling import Preprocessing
from lissom.testing.tiny import CLASSES, PREPROCESSING

FILES = {
    "model.onnx", "handling.json", "handling.py", "vectors.npz", "predict.py", "runner.py", "singly.py", "checking.py",
    "requirements.txt", "README.md", "manifest.json",
}  # fmt: skip


def test_it_holds_what_it_needs_and_nothing_else(bundle: Path) -> None:
    assert {item.name for item in bundle.iterdir()} == FILES
    assert {item.name for item in bundle.parent.iterdir()} == {bundle.name}
    handling = json.loads((bundle / "handling.json").read_text(encoding="utf-8"))
    assert handling["task"] == "image" and handling["classes"] == list(CLASSES)
    assert Preprocessing.from_json(handling["preprocessing"]) == PREPROCESSING
    assert (bundle / "requirements.txt").read_text().split() == ["numpy", "Pillow", "onnxruntime"]


def test_the_manifest_knows_every_file(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["sha256"]) == FILES - {"manifest.json"}
    assert all(sha256(bundle / name) == digest for name, digest in manifest["sha256"].items())
    assert (manifest["schema"], manifest["target"], manifest["score"]) == (2, "onnxruntime", 97.5)
    assert manifest["artefact"] == "model.onnx"


def test_what_is_there_is_replaced_as_a_whole(bundle: Path, contents: Contents) -> None:
    (bundle / "old file").write_text("x")
    write_bundle(bundle, replace(contents, card="# New\n"))
    assert {item.name for item in bundle.iterdir()} == FILES
    assert (bundle / "README.md").read_text() == "# New\n"
    assert {item.name for item in bundle.parent.iterdir()} == {bundle.name}


@pytest.mark.parametrize("task", list(TASKS))
def test_a_package_that_is_missing_is_named(task: str, tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text(predictor(task))
    done = subprocess.run(
        [sys.executable, "-S", "predict.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and re.fullmatch(
        r"\w+ is not there: pip install -r requirements.txt, .*\n", done.stderr
    )


INTERRUPTED = """
import pathlib, signal, time
from checking import run
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores Ctrl-C
def main():
    half = pathlib.Path("half")
    try:
        half.touch()
        print("begun", flush=True)
        time.sleep(60)
    finally:
        half.unlink()
run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_half_written_goes_when_a_predictor_is_ended(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "checking.py").write_text(predictor("checking"))
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (128 + number, "") and not (tmp_path / "half").exists()


@pytest.mark.parametrize("failing", ["predictor", "handling_source", "sha256", "replace_folder"])
def test_a_failure_in_the_middle_leaves_the_old_bundle(
    bundle: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    before = {item.name: item.read_bytes() for item in bundle.iterdir()}

    def fails(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bundling, failing, fails)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(bundle, replace(contents, card="# New\n"))
    assert {item.name: item.read_bytes() for item in bundle.iterdir()} == before
    monkeypatch.undo()
    write_bundle(bundle, replace(contents, card="# New\n"))
    assert {item.name for item in bundle.parent.iterdir()} == {bundle.name}, "what a kill left is tidied up"


def test_a_full_disk_is_said(contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundling.shutil, "copyfile", full)
    with pytest.raises(LissomError, match="the disk is full"):
        write_bundle(tmp_path / "bundle", contents)
    assert not (tmp_path / "bundle").exists()


def loaded(source: str, tmp_path: Path) -> ModuleType:
    path = tmp_path / "handling_of_bundle.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("handling_of_bundle", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["handling_of_bundle"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "1", "I;16", "F"])
@pytest.mark.parametrize("settings", [{}, {"resize": 11}, {"interpolation": "bicubic", "resize": 7}])
def test_pictures_are_handled_as_in_training(mode: str, settings: dict[str, Any], tmp_path: Path) -> None:
    source = handling_source("image")
    assert "lissom" not in source.replace("LissomError", "").replace("lissom.core", "LISSOM")
    ours = Preprocessing((8, 9), **settings)
    theirs = loaded(source, tmp_path).Preprocessing.from_json(ours.to_json())
    noise = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    if mode == "I;16":
        picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 200)
    else:
        picture = Image.fromarray(noise).convert(mode)
    assert np.array_equal(ours(picture), theirs(picture))


def test_what_the_handling_refuses_it_refuses_in_the_bundle_too(tmp_path: Path) -> None:
    module = loaded(handling_source("image"), tmp_path)
    with pytest.raises(ValueError, match="unknown interpolation 'mush'"):
        module.Preprocessing((8, 8), interpolation="mush")


def test_the_predictor_imports_nothing_of_lissom() -> None:
    carried = runner_sources("lissom.export.runners.onnx_runner")
    assert set(carried) == {"runner.py", "singly.py"}
    for source in (predictor("image"), predictor("checking"), *carried.values()):
        assert "lissom" not in source and "torch" not in source.replace("PyTorch", "")


def test_the_vectors_are_answered(bundle: Path, predict: Callable[..., Any]) -> None:
    done = predict(bundle, "--verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "ok: 8 of 8 test vectors agree\n"
    found = json.loads(predict(bundle, "--verify", "--json").stdout)
    assert found["ok"] and found["problems"] == [] and found["vectors"] == 8 and found["difference"] < 1e-5
    assert found["parity"] == 1


def test_a_picture_is_answered_as_by_the_model(
    bundle: Path, contents: Contents, picture: Path, predict: Callable[..., Any]
) -> None:
    done = predict(bundle, picture, "--json", "--top", "4")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    shares = np.exp(contents.outputs[0] - contents.outputs[0].max())
    shares /= shares.sum()
    assert [item["name"] for item in found["classes"]] == [CLASSES[i] for i in np.argsort(-shares)]
    assert found["classes"][0]["probability"] == pytest.approx(float(shares.max()), abs=1e-4)
    assert found["latency_ms"] > 0
    text = predict(bundle, picture).stdout
    assert found["classes"][0]["name"] in text and "%" in text


@pytest.mark.parametrize(
    "name", ["handling.json", "model.onnx", "vectors.npz", "README.md", "handling.py", "runner.py", "singly.py"]
)
def test_an_altered_file_is_noticed(bundle: Path, name: str, predict: Callable[..., Any]) -> None:
    with (bundle / name).open("ab") as file:
        file.write(b"\n")
    done = predict(bundle, "--verify")
    assert done.returncode == 2 and f"{name} was altered" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["README.md", "model.onnx", "vectors.npz"])
def test_a_missing_file_is_noticed(bundle: Path, name: str, predict: Callable[..., Any]) -> None:
    (bundle / name).unlink()
    done = predict(bundle, "--verify")
    assert done.returncode == 2 and f"{name} is missing" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["model.onnx", "handling.json", "manifest.json"])
def test_a_bundle_that_lacks_a_file_says_so_when_it_is_used(
    bundle: Path, picture: Path, name: str, predict: Callable[..., Any]
) -> None:
    (bundle / name).unlink()
    done = predict(bundle, picture)
    assert done.returncode == 2 and "the bundle is damaged" in done.stderr and "--verify" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--top", "--threads"])
@pytest.mark.parametrize("value", ["0", "-3", "many"])
def test_counts_start_at_one(bundle: Path, picture: Path, option: str, value: str, predict: Callable[..., Any]) -> None:
    done = predict(bundle, picture, option, value)
    assert done.returncode == 2 and option in done.stderr and "Traceback" not in done.stderr


def test_a_number_that_is_another_one_is_noticed(
    contents: Contents, tmp_path: Path, predict: Callable[..., Any]
) -> None:
    single = contents.outputs[:, :1]
    checking: dict[str, Any] = {"__file__": str(tmp_path / "checking.py")}
    exec(predictor("checking"), checking)
    assert checking["_same"](single, single).all()
    assert not checking["_same"](single + 2 * np.abs(single).max(), single).any()


def test_another_token_is_noticed_however_near_its_number_is(tmp_path: Path) -> None:
    expected = np.asarray([[50000, 49999], [3, 4]])
    np.savez(tmp_path / "vectors.npz", input_0=np.zeros((2, 1)), outputs=expected, original=expected)
    checking: dict[str, Any] = {"__file__": str(tmp_path / "checking.py")}
    exec(predictor("checking"), checking)
    for found, problems in (
        (expected, []),
        (expected - [[0, 1], [0, 0]], ["1 of 2 test vectors are answered otherwise"]),
    ):
        assert checking["answered"](SimpleNamespace(run=lambda inputs, found=found: [found]))[0] == problems


def test_a_damaged_model_is_noticed(bundle: Path, predict: Callable[..., Any]) -> None:
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes()[:1000])
    done = predict(bundle, "--verify")
    assert done.returncode == 2 and "model.onnx was altered" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_answers_otherwise_is_noticed(
    contents: Contents, tmp_path: Path, predict: Callable[..., Any]
) -> None:
    write_bundle(tmp_path / "bundle", replace(contents, outputs=-contents.outputs))
    done = predict(tmp_path / "bundle", "--verify")
    assert done.returncode == 2 and "8 of 8 test vectors are answered otherwise" in done.stdout


def test_what_cannot_be_predicted_is_said(
    bundle: Path, picture: Path, tmp_path: Path, predict: Callable[..., Any]
) -> None:
    cut_off = tmp_path / "cut off.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(cut_off)
    cut_off.write_bytes(cut_off.read_bytes()[:700])
    (tmp_path / "text.png").write_text("no picture")
    for path in (cut_off, tmp_path / "text.png", tmp_path / "missing.png", tmp_path):
        done = predict(bundle, path)
        assert done.returncode == 2 and str(path) in done.stderr
        assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 4, done.stderr
    done = predict(bundle, picture, cut_off)
    assert done.returncode == 2 and str(picture) in done.stdout, "what could be read was answered"
    assert predict(bundle).returncode == 2


def test_classes_without_names_are_numbered(
    contents: Contents, tmp_path: Path, picture: Path, predict: Callable[..., Any]
) -> None:
    write_bundle(tmp_path / "bundle", replace(contents, classes=()))
    found = json.loads(predict(tmp_path / "bundle", picture, "--json").stdout)
    assert found["classes"][0]["name"] == str(found["classes"][0]["index"])


def test_one_bad_picture_among_others(bundle: Path, picture: Path, predict: Callable[..., Any]) -> None:
    done = predict(bundle, picture, "no such.png", picture, "--json")
    assert done.returncode == 2 and "no such.png: it is not a picture that can be read" in done.stderr
    first, bad, last = map(json.loads, done.stdout.splitlines())
    assert first["classes"] == last["classes"]
    assert bad["file"] == "no such.png" and "No such file" in bad["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--top", "0"), "0 is not a whole number from 1 on"),
        (("--threads", "two"), "two is not a whole number from 1 on"),
        (("--threads", "1000000"), "this machine has"),
    ],
)
def test_numbers_that_are_not_possible(
    bundle: Path, picture: Path, predict: Callable[..., Any], words: tuple[str, str], said: str
) -> None:
    done = predict(bundle, picture, *words)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_a_damaged_bundle_says_so_to_programs_too(bundle: Path, picture: Path, predict: Callable[..., Any]) -> None:
    (bundle / "model.onnx").write_bytes(b"nothing")
    done = predict(bundle, picture, "--json")
    assert done.returncode == 2 and "the bundle is damaged" in json.loads(done.stdout)["error"]


def test_a_reader_that_has_seen_enough_is_no_mistake(bundle: Path, picture: Path) -> None:
    left, right = os.pipe()
    os.close(left)
    with os.fdopen(right, "w") as closed:
        command = [sys.executable, str(bundle / "predict.py"), str(picture)]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")


def test_a_bundle_is_on_the_disk_before_it_has_its_name(
    bundle: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its name is before it is spoken of."""
    done: list[str] = []
    replacing = os.replace

    def fsync(handle: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("named") or replacing(*paths))
    write_bundle(bundle, contents)
    making, named = bundle.with_name(f".{bundle.name}.part"), done.index("named")
    assert {str(making), *(str(making / name) for name in FILES)} <= set(done[:named])
    assert str(bundle.parent) in done[len(done) - done[::-1].index("named") :]


@pytest.mark.parametrize(
    ("runner", "beside"),
    [("pytorch_runner", {"pt2_safety.py"}), ("litert_runner", {"numbered.py"}), ("ncnn_runner", {"numbered.py"})],
)
def test_a_runner_has_what_it_imports_beside_it(runner: str, beside: set[str]) -> None:
    carried = runner_sources(f"lissom.export.runners.{runner}")
    assert set(carried) == {"runner.py", "singly.py", *beside}
    assert not any("lissom" in line for source in carried.values() for line in source.splitlines() if "import" in line)
