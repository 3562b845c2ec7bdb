"""A model that writes goes the whole way: fewer layers, the original's own texts, INT8, a verdict of whole answers."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("transformers")

import lissom
from lissom.core.ledger import Ledger
from lissom.core.records import Sample
from lissom.engine.benching import check_bundles
from lissom.plan.move import Move, Plan
from lissom.steps.depth.drop_layers import DropLayers
from lissom.steps.distillation.sequences import DistillSequences
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.testing.tiny_recognition import tiny_recognition_workload, write_tokenizer
from lissom.workload.workload import Worded

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


def test_a_target_without_a_loop_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lissom.LissomError, match="cannot run an encoder-decoder token by token"):
        lissom.compress(
            tiny_recognition_workload(), budget="size<=90%", target="pytorch", output=tmp_path / "run", options=OPTIONS
        )
    assert not (tmp_path / "run").exists()
