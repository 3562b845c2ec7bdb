"""Limits below what an empty model costs are refused, with what it costs; all others pass."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import lissom
from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.records import Figures
from lissom.engine import floor
from lissom.engine.floor import Empty, check_floor
from lissom.plan.budget import parse_budget
from lissom.testing import tiny_workload

ORIGINAL = Figures(
    score=90.0,
    score_interval=(89.0, 91.0),
    latency_ms=10.0,
    latency_interval_ms=(9.9, 10.1),
    latency_p95_ms=11.0,
    size_bytes=4_000_000,
    macs=100_000_000,
    parameters=1_000_000,
    peak_memory_bytes=8_000_000,
)
FLOOR = {"latency": 0.05, "size": 500.0, "memory": 700_000.0}


def baseline() -> Any:
    return SimpleNamespace(figures=ORIGINAL, bench=SimpleNamespace(target=SimpleNamespace(title="ONNX Runtime")))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the floor was measured."""
    asked: list[int] = []
    monkeypatch.setattr(floor, "_floor", lambda baseline: asked.append(1) or FLOOR)
    return asked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("size<=0.01%", "500 B there, 400 B are allowed"),
        ("size<=100B", "100 B are allowed"),
        ("latency<=0.01ms, size<=50%", "latency<=0.01ms on ONNX Runtime: an empty one takes 0.05 ms"),
        ("latency<=0.1%", "0.01 ms are allowed"),
        ("memory<=200kB", "an empty one takes 700 kB"),
    ],
)
def test_a_limit_below_an_empty_model_is_refused_with_what_it_costs(
    text: str, words: str, tmp_path: Path, measured: list[int]
) -> None:
    with pytest.raises(LissomError) as refused:
        check_floor(parse_budget(text), baseline(), Ledger(tmp_path))
    assert words in refused.value.message and len(refused.value.hints) == 1


def test_where_an_empty_model_costs_most_of_the_original_no_limit_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "_floor", lambda baseline: {**FLOOR, "memory": 6_000_000.0})
    with pytest.raises(LissomError) as refused:
        check_floor(parse_budget("memory<=1%"), baseline(), Ledger(tmp_path))
    assert refused.value.hints == ("allow more than 6 MB, or leave it out: the original takes 8 MB",)


def test_any_limit_on_memory_is_held_against_what_the_runtime_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "_floor", lambda baseline: {**FLOOR, "memory": 6_000_000.0})
    with pytest.raises(LissomError, match="no model meets memory<=50%"):
        check_floor(parse_budget("memory<=50%"), baseline(), Ledger(tmp_path))
    check_floor(parse_budget("memory<=80%"), baseline(), Ledger(tmp_path))


def test_the_limit_that_the_hint_proposes_is_accepted(tmp_path: Path, measured: list[int]) -> None:
    for text in ("size<=0.01%", "size<=100B", "latency<=0.01ms", "memory<=1%"):
        with pytest.raises(LissomError) as refused:
            check_floor(parse_budget(text), baseline(), Ledger(tmp_path))
        check_floor(parse_budget(refused.value.hints[0].rpartition("for example ")[2]), baseline(), Ledger(tmp_path))


@pytest.mark.parametrize("text", ["size<=0.1%", "latency<=1%, memory<=9%", "size<=600B"])
def test_a_limit_above_it_passes(text: str, tmp_path: Path, measured: list[int]) -> None:
    check_floor(parse_budget(text), baseline(), Ledger(tmp_path))
    assert measured == [1]


def test_the_floor_is_measured_once_and_only_where_a_limit_may_lie_below_it(
    tmp_path: Path, measured: list[int]
) -> None:
    check_floor(parse_budget("size<=50%, latency<=20%, macs<=1%, drop<=0pt"), baseline(), Ledger(tmp_path))
    assert measured == []
    for _ in range(2):
        check_floor(parse_budget("size<=5%"), baseline(), Ledger(tmp_path))
    assert measured == [1]


def test_the_empty_model_answers_in_the_shape_of_the_original() -> None:
    empty = Empty((3, 5))
    assert empty(torch.ones(2, 3, 8, 8)).shape == (2, 3, 5)
    assert empty(torch.ones(4, 7, dtype=torch.int64), torch.ones(4, 7)).shape == (4, 3, 5)
    one, other = empty(torch.zeros(1, 4)), empty(torch.ones(1, 4))
    assert not torch.equal(one, other), "it reads its input"


def test_a_run_below_the_floor_ends_before_any_work(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    options = lissom.Options(epochs=1, calibration=32, measure_s=0.02)
    with pytest.raises(LissomError, match="no model meets size<=100B on ONNX Runtime: an empty one takes"):
        lissom.compress(tiny_workload(), budget="size<=100B", output=tmp_path / "run", options=options)
    ledger = Ledger(tmp_path / "run")
    assert ledger.find("floor")["size"] > 100 and ledger.find("analysis") is None
    assert all(np.isfinite(value) and value > 0 for value in ledger.find("floor").values())


def test_an_empty_translator_is_timed_with_a_sentence_of_the_length_that_it_was_made_for(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("sacrebleu")
    from lissom.testing.tiny_translation import draw_pairs, tiny_marian, write_pairs, write_translator

    torch.set_num_threads(1)
    model = write_translator(tmp_path / "model", tiny_marian())
    pairs = write_pairs(tmp_path / "pairs.jsonl", draw_pairs(200, 7))
    workload = lissom.load(f"hf:{model}", data=str(pairs), task="translation")
    assert len({example[0].shape for example in workload.timed}) > 1
    options = lissom.Options(epochs=1, measure_s=0.02)
    with pytest.raises(LissomError, match="no model meets size<=100B on ONNX Runtime: an empty one takes"):
        lissom.compress(workload, budget="size<=100B", output=tmp_path / "run", options=options)
