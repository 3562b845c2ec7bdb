"""Sequence-level distillation: the texts of the original are learnt, asked for once, and again where a kill cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.layers.sequence_runner import ModuleRunner
from lissom.steps.distillation import sequences
from lissom.steps.distillation.sequences import DistillSequences
from lissom.tasks.generating import said, spoken
from lissom.testing.tiny import tiny_context, tiny_workload
from lissom.testing.tiny_recognition import tiny_recognition_workload


def test_the_originals_texts_are_learnt_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = tiny_recognition_workload()
    context = tiny_context(tmp_path, workload)
    learnt: dict[str, Any] = {}

    def learn(step: Any, lesson: Any, _context: Any) -> Any:
        learnt.update(answers=lesson.splits.train.answers, labels=step.labels, labelled=lesson.labelled)
        return lesson

    monkeypatch.setattr(sequences.Distill, "apply", learn)
    result = DistillSequences(epochs=1).apply(workload, context)
    inputs = [tensor.numpy() for tensor in workload.splits.train.take(range(16)).inputs]
    expected = spoken(said(ModuleRunner(workload.module), inputs, workload.handling))
    assert learnt == {"answers": expected, "labels": 1.0, "labelled": True}
    assert expected != workload.splits.train.answers, "the references are another model's"
    assert result.splits is workload.splits, "the references stay what is judged by"
    kept = next((tmp_path).rglob("beams-1.jsonl"))
    lines = kept.read_text(encoding="utf-8").splitlines()
    kept.write_text("\n".join(lines[:5]) + '\n{"row": 9, "tok', encoding="utf-8")
    DistillSequences(epochs=1).apply(workload, context)
    assert learnt["answers"] == expected
    monkeypatch.setattr(sequences, "_runner", lambda context: pytest.fail("it is asked again"))
    DistillSequences(epochs=1).apply(workload, context)
    assert np.array_equal(learnt["answers"][9], expected[9])


def test_what_has_no_texts_is_refused(tmp_path: Path) -> None:
    workload = tiny_workload()
    with pytest.raises(LissomError, match="not answered with texts"):
        DistillSequences(epochs=1).apply(workload, tiny_context(tmp_path, workload))
    with pytest.raises(LissomError, match="0 beams"):
        DistillSequences(epochs=1, beams=0)
