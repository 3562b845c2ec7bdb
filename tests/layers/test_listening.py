"""Which models put what they are given into words, and how few of their examples are looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("transformers")
pytest.importorskip("sacrebleu")

from lissom.core.progress import Progress
from lissom.engine.options import Options
from lissom.engine.planning import repair_of
from lissom.graph import capture, couple
from lissom.layers.ctc_model import CtcModel
from lissom.layers.listening import AT_ONCE, FEW, listens, looked_at, puts_into_words
from lissom.layers.sequence_model import SequenceModel
from lissom.layers.text_model import TextModel
from lissom.steps.depth import drop_layers
from lissom.steps.factorization import low_rank
from lissom.steps.pruning.prune import Prune
from lissom.steps.repair.reconstruct import Reconstruct
from lissom.steps.sparsity import sparsify
from lissom.testing.tiny import tiny_context
from lissom.testing.tiny_translation import tiny_translation_workload

QUIET = Progress(enabled=False)


class Heard(nn.Module):
    """A layer over sound."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 1, 3)


@pytest.mark.parametrize(
    ("module", "words", "sound"),
    [
        (SequenceModel(nn.Linear(2, 2), 0), True, False),
        (SequenceModel(Heard(), 0), True, True),
        (CtcModel(Heard()), True, True),
        (TextModel(nn.Linear(2, 2), 0), False, False),
        (Heard(), False, False),
    ],
)
def test_a_text_for_an_answer_means_small_samples(module: nn.Module, words: bool, sound: bool) -> None:
    assert (puts_into_words(module), listens(module)) == (words, sound)
    assert looked_at(module) == ({"examples": FEW, "batch": AT_ONCE} if words else {})


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shapes of what a decoder is fed from now on."""
    sizes: list[tuple[int, ...]] = []
    plain: Callable[..., Any] = SequenceModel.forward

    def forward(self: SequenceModel, source: Tensor, *more: Tensor) -> Tensor:
        sizes.append(tuple(more[-1].shape))
        return plain(self, source, *more)

    monkeypatch.setattr(SequenceModel, "forward", forward)
    return sizes


@pytest.mark.parametrize("levels", [drop_layers.levels, low_rank.levels])
def test_a_translator_is_looked_at_few_sentences_at_once(levels: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    workload = tiny_translation_workload([("one " * 20, "eins " * 12)])
    sizes = watched(monkeypatch)
    step = next(iter(levels(workload, 0, QUIET)))
    assert max(rows for rows, _ in sizes) == AT_ONCE
    assert getattr(step, "batch", AT_ONCE) == AT_ONCE


def test_a_translator_is_made_sparse_and_repaired_with_few_sentences_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    workload = tiny_translation_workload()
    step = next(iter(sparsify.levels(workload, 0, QUIET)))
    assert (step.examples, step.batch) == (FEW, AT_ONCE)
    repair = repair_of(workload, Options(calibration=1024), 0.1)
    assert (repair.examples, repair.batch) == (FEW, AT_ONCE)
    context = tiny_context(tmp_path, workload)
    coupling = couple(capture(workload.module, workload.example))
    group = next(group for group in coupling.groups if group.kind == "channels" and "fc1" in group.name)
    cut = Prune(((group.index, group.name, tuple(range(group.units // 2))),)).apply(workload, context)
    sizes = watched(monkeypatch)
    Reconstruct(examples=16).apply(cut, context)
    assert sizes and max(rows for rows, _ in sizes) == AT_ONCE, "whatever a plan says"
