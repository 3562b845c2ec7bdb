"""Latency told before a trial: from lines that are exact here, and held against what the trials measured."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures, Trial
from lissom.engine.forecast import compare, foretell, predict
from lissom.engine.ladder import Rung
from lissom.engine.reach import range_words
from lissom.plan.allocation import Choice, CostModel, Side, Term
from lissom.plan.move import Move, Plan
from lissom.steps.distillation.distill import Distill
from lissom.steps.nothing import Nothing
from lissom.steps.pruning.prune import Prune
from lissom.steps.quantization.int8 import QuantizeInt8
from lissom.steps.step import Step

MODEL = CostModel((Choice(0, "g", (1.0,) * 10),), (Term("g", 1.0, 1.0, (Side(10, (((0,), 10),)),), latency_ms=8.0),))
FIGURES = Figures(90.0, (89.0, 91.0), 10.0, (9.9, 10.1), 11.0, 4_000_000, 100, 100, 8_000_000)


def rung(width: int) -> Rung:
    return Rung(f"width {width}", {0: width}, 0.5, 0.0, (Prune(((0, "g", tuple(range(10 - width))),)),))


@given(st.floats(0.01, 10), st.floats(0.01, 1), st.lists(st.floats(0.1, 10), min_size=2, max_size=6, unique=True))
def test_a_line_is_read_exactly_wherever_it_is_asked(slope: float, base: float, costs: list[float]) -> None:
    if max(costs) - min(costs) < 0.1:
        return
    points = [(cost, base + slope * cost) for cost in costs]
    assert predict(points, 2.5) == pytest.approx(base + slope * 2.5, rel=1e-6)


def test_what_is_near_counts_more() -> None:
    bent = [(1.0, 1.0), (2.0, 2.0), (100.0, 500.0)]
    found = predict(bent, 1.5)
    assert found is not None and abs(found - 1.5) < 0.3


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, 1.0), (1.0, 2.0)], [(1.0, 2.0), (2.0, 1.0)]])
def test_without_a_rising_line_nothing_is_told(points: list[tuple[float, float]]) -> None:
    assert predict(points, 1.5) is None


def run(folder: Path, tried: dict[int, tuple[tuple[Step, ...], float]]) -> Ledger:
    """Two copies that follow latency = 0.1 + 0.09 width in FP32 and half of that in INT8, and the trials given."""
    ledger = Ledger(folder)
    for width in (2, 6):
        ratio = 0.1 + 0.09 * width
        ledger.append("probe", f"0:{width}", {"fp32": {"latency": ratio}, "int8": {"latency": ratio / 2}})
    foretell(ledger, MODEL, [rung(4), rung(8)])
    for number, (steps, ratio) in tried.items():
        ledger.append("plan", str(number), Plan((Move("m", steps),)).to_json())
        trial = Trial(number, "m", (), replace(FIGURES), True, "", 1.0, latency_ratio=ratio)
        ledger.put(trial, str(number))
    return ledger


def test_each_rung_is_told_in_each_format(tmp_path: Path) -> None:
    told = run(tmp_path, {}).by_key("forecast")
    assert sorted(told.values()) == pytest.approx([0.23, 0.41, 0.46, 0.82])


def test_the_trials_are_held_against_it(tmp_path: Path) -> None:
    cut, deep = rung(4).steps, rung(8).steps
    ledger = run(
        tmp_path,
        {
            1: ((*cut, Distill(1)), 0.46 / 1.1),
            2: ((*cut, Distill(1), QuantizeInt8()), 0.23 / 1.2),
            3: ((*deep, Distill(2)), 0.82),
            4: ((*rung(5).steps, Distill(1)), 0.1),  # nothing was told of it
            5: ((*deep, Distill(2), Nothing()), 0.1),  # nor of cuts with something else
        },
    )
    compare(ledger, Progress(False))
    assert set(ledger.by_key("forecast of trial")) == {"1", "2", "3"}
    assert ledger.find("note", "forecast") == "latency told before 3 trials: off by 10% at the median, 20% at most"
    before = len(list(ledger))
    compare(Ledger(tmp_path), Progress(False))
    assert len(list(Ledger(tmp_path))) == before, "a resumed run says it once"


def test_where_nothing_was_told_nothing_is_said(tmp_path: Path) -> None:
    ledger = run(tmp_path, {1: ((Nothing(),), 0.5)})
    compare(ledger, Progress(False))
    assert ledger.find("note", "forecast") is None


def test_what_is_within_reach_is_told_from_least_to_most() -> None:
    least = {"fp32": {"size": 2e4, "latency": 0.02}, "int8": {"size": 1e4, "latency": 0.03}}
    middle = {"fp32": {"size": 2e6, "latency": 0.5}, "int8": {"size": 5e5, "latency": 0.4}}
    assert range_words(least, middle, FIGURES) == (
        "within reach, before any training: from 10 kB, 0.2 ms, by way of 500 kB, 4 ms at half, to 4 MB, 10 ms"
    )
