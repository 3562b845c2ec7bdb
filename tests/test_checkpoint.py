"""The checkpoint that ships scores what the README says."""

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.tasks.loading import load

LEAST_BLEU = 10.0  # of 100 sentences


@pytest.mark.slow
def test_the_shipped_sample_network_scores_what_it_claims():
    try:
        workload = load("zoo:sample", data="fashion-mnist", download=True)
    except LissomError as error:
        pytest.skip(f"Fashion-MNIST cannot be had here: {error.message}")
    assert len(workload.splits.test) == 10_000
    assert len(workload.splits.train) == 55_000
    assert sum(parameter.numel() for parameter in workload.module.parameters()) == 6_302_474
    right = 0
    with torch.inference_mode():
        for start in range(0, 10_000, 500):
            batch = workload.splits.test.take(list(range(start, start + 500)))
            right += int((workload.module.eval()(*batch.inputs).argmax(1) == batch.targets).sum())
    assert right / 100 == pytest.approx(93.26, abs=0.05)


@pytest.mark.slow
def test_the_shipped_translator_translates_sentences_it_never_saw():
    pytest.importorskip("sacrebleu")
    from lissom.layers.sequence_runner import ModuleRunner
    from lissom.tasks.generating import said

    try:
        workload = load(
            "zoo:translator_en_de", data="libreoffice-help-en-de", task="translation", download=True, limit=100
        )
    except LissomError as error:
        pytest.skip(f"LibreOffice's help cannot be had here: {error.message}")
    split = workload.splits.test
    batch = split.take(range(len(split)))
    handling = {**workload.handling, "together": True}
    answers = said(ModuleRunner(workload.module), [tensor.numpy() for tensor in batch.inputs], handling)
    assert workload.task.score(workload.task.measure.grade(workload.task.texts(answers), split.texts)) > LEAST_BLEU
