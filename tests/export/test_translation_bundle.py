"""A bundle that translates: in a process that can import neither torch nor transformers."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

import lissom
from lissom.export.bundle import write_bundle
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.shortlist.lexical import lists_of
from lissom.targets.onnx_runtime import OnnxRuntime
from lissom.targets.onnx_shortlist import shortlist_pair
from lissom.tasks import generating
from lissom.tasks.generating import Rules, said
from lissom.tasks.translation import handling
from lissom.testing.bundles import translator_contents
from lissom.testing.tiny_translation import draw_pairs, tiny_marian, write_translator

RUNNER = "lissom.export.runners.pair_runner"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = write_translator(tmp_path_factory.mktemp("paquet 译"), tiny_marian())
    parts = {"train": draw_pairs(40, 7), "select": draw_pairs(9, 8), "test": draw_pairs(8, 9)}
    workload = lissom.load(f"hf:{folder}", data=parts, task="translation")
    target = OnnxRuntime()
    artefact = target.export(workload.module, workload.example, folder / "made.onnx")
    inputs = tuple(tensor.numpy() for tensor in workload.splits.test.take(range(6)).inputs)
    original = said(ModuleRunner(workload.module), inputs, workload.handling)
    contents = translator_contents(workload, artefact, inputs, original)
    assert np.array_equal(contents.outputs, contents.original), "the exported loop is the PyTorch one"
    together = said(target.load(artefact.path, threads=1), inputs, {**workload.handling, "together": True})
    assert np.array_equal(together, contents.outputs), "sentences asked at once are answered as each by itself"
    write_bundle(folder / "bundle", contents)
    shortlist_pair(artefact.path, listed := folder / "listed.onnx", lists_of(workload, first=1, best=2))
    write_bundle(folder / "listed", translator_contents(workload, target.artefact(listed), inputs, original))
    return folder / "bundle"


@pytest.fixture
def listed(bundle: Path, tmp_path: Path) -> Path:
    """The same with a shortlist, in a folder of its own."""
    shutil.copytree(bundle.parent / "listed", tmp_path / "listed")
    return tmp_path / "listed"


def test_it_needs_no_torch_and_no_transformers(bundle: Path) -> None:
    needed = (bundle / "requirements.txt").read_text(encoding="utf-8").split()
    assert sorted(needed) == ["numpy", "onnxruntime", "tokenizers"]
    for path in bundle.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not [word for word in ("torch", "transformers", "lissom") if f"import {word}" in source], path.name
        assert "from lissom" not in source, path.name


def test_sentences_greedy_by_beams_and_in_batches_of_a_file(
    bundle: Path, predict: Callable[..., Any], tmp_path: Path
) -> None:
    done = predict(bundle, "one two three", "eight eight one five", "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["translation"] for line in done.stdout.splitlines()]
    assert found == ["eins zwei drei", "acht acht eins fuenf"]
    assert predict(bundle, "one two three", "--beams", "3").stdout.startswith("eins zwei drei  (")
    lines = tmp_path / "lines.txt"
    lines.write_text("one two three\n\nsix five four three\n", encoding="utf-8")
    again = predict(bundle, "--file", lines, "--batch", "2")
    assert again.stdout.splitlines() == ["eins zwei drei", "", "sechs fuenf vier drei"]


def test_a_long_text_is_translated_in_parts_and_strange_ones_are_remarked(
    bundle: Path, predict: Callable[..., Any]
) -> None:
    done = predict(bundle, " ".join(["two"] * 1000), "東京 の 朝 は 早い", "--json")
    long, strange = (json.loads(line) for line in done.stdout.splitlines())
    assert long["remarks"][0].startswith("translated in ") and set(long["translation"].split()) <= {"zwei"}
    assert strange["remarks"] == ["most of it is in a script or language that the model does not know"]


def test_parts_of_a_long_text_are_translated_so_many_at_a_time(loaded: Callable[..., dict[str, Any]]) -> None:
    made = loaded("translation", generating=generating, handling=handling)
    model = made["Model"].__new__(made["Model"])
    model.words = SimpleNamespace(parts=str.split, strange=lambda part: False, foreign=lambda text: False, said=str)
    model.rules, model.batch = Rules(prompt=(9,), end=0, longest=6), 3
    asked: list[list[str]] = []
    model._together = lambda parts: asked.append(parts) or [[len(part)] for part in parts]
    found = [item["translation"] for item in model.translate(["a bb ccc dddd", "eeeee", "a bb"])]
    assert asked == [["a", "bb", "ccc"], ["dddd", "eeeee", "a"], ["bb"]]
    assert found == ["[1] [2] [3] [4]", "[5]", "[1] [2]"]


@pytest.mark.parametrize("beams", ["1", "3"])
def test_with_a_shortlist_it_says_the_same(
    bundle: Path, listed: Path, predict: Callable[..., Any], tmp_path: Path, beams: str
) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(source for source, _ in draw_pairs(7, 21)) + "\n", encoding="utf-8")
    said = [predict(place, "--file", lines, "--batch", "3", "--beams", beams) for place in (bundle, listed)]
    assert said[0].returncode == 0 and len(said[0].stdout.splitlines()) == 7
    assert said[1].stdout == said[0].stdout


def test_the_file_of_likely_words_is_verified_and_missed(listed: Path, predict: Callable[..., Any]) -> None:
    assert predict(listed, "--verify").stdout.strip() == "ok: 6 of 6 test vectors agree"
    words = listed / "model.shortlist.npz"
    words.write_bytes(words.read_bytes()[:-9])
    done = predict(listed, "--verify")
    assert (done.returncode, done.stdout.strip()) == (2, "model.shortlist.npz was altered")
    done = predict(listed, "one two three")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "the bundle is damaged (model.shortlist.npz is damaged" in done.stderr
    words.unlink()
    done = predict(listed, "one two three", "--json")
    assert done.returncode == 2 and "(model.shortlist.npz is missing); predict.py --verify says" in done.stdout
    assert predict(listed, "--verify").stdout.strip() == "model.shortlist.npz is missing"


def test_its_vectors_are_answered_and_an_empty_text_is_refused(bundle: Path, predict: Callable[..., Any]) -> None:
    done = predict(bundle, "--verify")
    assert (done.returncode, done.stdout.strip()) == (0, "ok: 6 of 6 test vectors agree")
    empty = predict(bundle, "  ")
    assert (empty.returncode, empty.stderr.strip()) == (2, "the text is empty")
    bytes_alone = predict(bundle, "one two", "a \udcff b")
    assert (bytes_alone.returncode, bytes_alone.stdout) == (2, "")
    assert bytes_alone.stderr.strip() == r"the text 'a \udcff b' is not UTF-8"


def test_what_a_forced_end_cuts_off_is_remarked(loaded: Callable[..., dict[str, Any]]) -> None:
    made = loaded("translation", generating=generating, handling=handling)
    model = made["Model"].__new__(made["Model"])
    model.words = SimpleNamespace(
        parts=lambda text: [text], strange=lambda part: False, foreign=lambda text: False, said=str
    )
    model.rules = Rules(prompt=(9,), end=0, longest=6)
    model._answers = lambda parts: [[1] * len(parts[0])]
    said = {length: next(model.translate(["x" * length]))["remarks"] for length in (3, 4, 5)}
    assert said == {3: [], 4: [], 5: ["it was cut off"]}
    model.rules = replace(model.rules, forced_end=True)  # the end has the last of the six places
    said = {length: next(model.translate(["x" * length]))["remarks"] for length in (3, 4)}
    assert said == {3: [], 4: ["it was cut off"]}
