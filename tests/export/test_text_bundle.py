"""A bundle of texts: it reads sentences in a process that can import neither torch nor transformers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("transformers")

from lissom.export.bundle import Contents, write_bundle
from lissom.export.onnx_file import export_onnx
from lissom.export.runners.onnx_runner import Runner
from lissom.targets.parity import answers
from lissom.testing.tiny_texts import SENTIMENTS, tiny_text_workload

GOOD, BAD = "this film is brave and lovely", "a dull plot and a bland, messy story"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    workload = tiny_text_workload()
    folder = tmp_path_factory.mktemp("paquet de textes")
    export_onnx(workload.module, workload.example, folder / "model.onnx")
    inputs = workload.splits.test.take(range(8)).inputs[0].numpy()
    contents = Contents(
        files=(folder / "model.onnx",),
        runner="lissom.export.runners.onnx_runner",
        task="text",
        handling=workload.handling,
        classes=SENTIMENTS,
        inputs=(inputs,),
        outputs=Runner(folder / "model.onnx").run([inputs])[0],
        original=answers(workload.module, [inputs]),
        card="# Tiny texts, made light\n",
        facts={"model": "tiny texts", "task": "text", "target": "onnxruntime", "score": 97.5},
        attached=workload.files,
    )
    write_bundle(folder / "bundle", contents)
    return folder / "bundle"


def test_it_needs_no_torch_and_no_transformers(bundle: Path) -> None:
    needed = (bundle / "requirements.txt").read_text(encoding="utf-8").split()
    assert sorted(needed) == ["numpy", "onnxruntime", "tokenizers"]
    for name in ("predict.py", "handling.py", "runner.py", "singly.py", "checking.py"):
        source = (bundle / name).read_text(encoding="utf-8").replace("PyTorch", "").replace("without torch", "")
        assert not [word for word in ("torch", "transformers", "lissom") if f"import {word}" in source], name


def test_sentences_are_read_from_the_command_line_and_from_a_file(
    bundle: Path, predict: Callable[..., Any], tmp_path: Path
) -> None:
    done = predict(bundle, GOOD, BAD, "--json")
    assert done.returncode == 0, done.stderr
    found = [json.loads(line)["classes"][0]["name"] for line in done.stdout.splitlines()]
    assert found == ["positive", "negative"]
    lines = tmp_path / "phrases.txt"
    lines.write_text(f"{BAD}\r\n{GOOD[:9]}\u2028{GOOD[9:]}\n", encoding="utf-8", newline="")
    again = predict(bundle, "--file", lines)
    assert again.returncode == 0 and [line.split(": ")[1].split()[0] for line in again.stdout.strip().split("\n")] == [
        "negative",
        "positive",
    ]


def test_its_vectors_are_answered_and_an_empty_text_is_refused(bundle: Path, predict: Callable[..., Any]) -> None:
    assert predict(bundle, "--verify").returncode == 0
    empty = predict(bundle, "  ")
    assert (empty.returncode, empty.stderr.strip()) == (2, "the text is empty")
    bytes_alone = predict(bundle, "a \udcff b")
    assert (bytes_alone.returncode, bytes_alone.stderr.strip()) == (2, r"the text 'a \udcff b' is not UTF-8")
