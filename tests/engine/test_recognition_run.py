"""A model that writes goes the whole way: fewer layers, the original's own texts, INT8, a verdict of whole answers."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

pytest.importorskip("transformers")

import lissom
from lissom.core.ledger import Ledger
from lissom.core.records import Sample
from lissom.engine.benching import check_bundles
from lissom.plan.move import Move, Plan
from lissom.plan.recipes import recipe
from lissom.report import view
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.testing.bundles import predict_alone
from lissom.testing.tiny_recognition import tiny_recognition_workload, tones, write_speller, write_tokenizer
from lissom.workload.workload import Worded, Workload

OPTIONS = lissom.Options(measure_s=0.02)
PLAN = Plan(
    (
        Move(
            "fewer layers + int8",
            (DropLayers(("model.model.encoder.layers.0",)), DistillSequences(epochs=1), QuantizeInt8()),
        ),
    )
)


@pytest.mark.slow
def test_it_is_judged_by_what_it_says(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    workload = replace(
        tiny_recognition_workload(), files={"tokenizer.json": (tmp_path / "tokenizer.json").read_bytes()}
    )
    workload = replace(workload, labelled=False)  # the texts are another model's
    folder = tmp_path / "run"
    run = lissom.compress(workload, budget="size<=90%, drop<=100pt", output=folder, options=OPTIONS, plan=PLAN)
    ledger = Ledger(folder)
    verdict = ledger.find("verdict")
    assert run.met and verdict["original"]["score"] == 100.0 and not verdict["final"]["by_labels"]
    assert verdict["final"]["size_bytes"] == sum(file.stat().st_size for file in run.bundle.glob("*.onnx"))
    assert len(list(run.bundle.glob("*.onnx"))) == 2
    assert (folder / "work" / "sequences" / "beams-1.jsonl").is_file()
    samples, test = ledger.all(Sample), workload.splits.test
    assert isinstance(test, Worded) and test.texts is not None
    assert samples and all(sample.truth == test.texts[int(sample.name)] for sample in samples)
    sound, rate = soundfile.read(io.BytesIO(base64.b64decode(samples[0].content)))
    assert rate == 16000 and len(sound) == 4800
    assert samples[0].original in run.report.read_text(encoding="utf-8")
    problems, _ = check_bundles([run.bundle])
    assert not problems[str(run.bundle)]
    with np.load(run.bundle / "vectors.npz") as vectors:
        assert vectors["outputs"].dtype == np.int64 and vectors["outputs"].shape == vectors["original"].shape
    handling = json.loads((run.bundle / "handling.json").read_text(encoding="utf-8"))
    assert handling["task"] == "recognition" and handling["rules"]["prompt"] == [57, 58]


def spoken_to(folder: Path, model: Path) -> Workload:
    """A model that spells, with recordings that nobody wrote down."""
    folder.mkdir()
    lines: list[str] = []
    for number in range(18):
        soundfile.write(folder / f"{number}.wav", tones(number, 0.3), 16000)
        part = ("train", "select", "test")[number % 3]
        lines.append(json.dumps({"audio": f"{number}.wav", "split": part}))
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return lissom.load(f"hf:{model}", data=str(folder / "manifest.jsonl"), task="speech", seconds=0.5)


def heard_by(bundle: Path, file: Path) -> str:
    """What a bundle says of a recording, after it has verified itself."""
    done = predict_alone(bundle, "--verify", "--json", str(file))
    verified, heard = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and verified["ok"], done.stderr
    return heard["text"]


@pytest.mark.parametrize("by", [pytest.param("search", marks=pytest.mark.slow), "int8"])
def test_a_model_that_spells_goes_the_whole_way_too(tmp_path: Path, by: str) -> None:
    module = write_speller(tmp_path / "speller")
    workload = spoken_to(tmp_path / "clips", tmp_path / "speller")
    plan = recipe(by, workload) if by == "int8" else None
    budget = "size<=70%, drop<=100pt" if plan else "parameters<=70%, drop<=100pt"
    run = lissom.compress(workload, budget=budget, output=tmp_path / "run", options=OPTIONS, plan=plan)
    moves = [trial.move for trial in view.read(run.folder).kept]
    assert run.met and any(("int8" if by == "int8" else "prune") in move for move in moves), moves
    said = heard_by(run.bundle, tmp_path / "clips" / "2.wav")
    if by == "int8":
        with np.load(run.bundle / "vectors.npz") as vectors, torch.no_grad():
            scores = module(torch.from_numpy(vectors["input_0"][:1])).logits[0]
            best = scores[: 4800 // 320].argmax(-1).tolist()  # the sound's 0.3 s alone, not what fills them up
            tokens = [token for place, token in enumerate(best) if token and best[place - 1 : place] != [token]]
            assert [token for token in vectors["original"][0].tolist() if token >= 0] == tokens
    assert said.isupper()


def test_a_target_without_a_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lissom.LissomError, match="cannot run an encoder-decoder token by token"):
        lissom.compress(
            tiny_recognition_workload(), budget="size<=90%", target="pytorch", output=tmp_path / "run", options=OPTIONS
        )
    assert not (tmp_path / "run").exists()
