"""What blurs a run is said: a noisy machine, after waiting, and a small select split. Timings are drawn, not taken."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.engine import measuring
from lissom.engine.baseline import _say_noise, say_coarse
from lissom.engine.measuring import NOISY, noise, timings
from lissom.plan.budget import parse_budget
from lissom.testing.tiny import tiny_workload

ORIGINAL = Figures(90.0, (89.0, 91.0), 1.0, (1.0, 1.0), 1.1, 4_000_000, 100, 100, 8_000_000)
STEADY = [1.0] * 80
RESTLESS = ([1.0] * 10 + [1.4] * 10) * 4


class Nothing:
    def run(self, inputs: Any) -> list[Any]:
        return []


def asked(monkeypatch: pytest.MonkeyPatch, answers: Iterator[list[float]]) -> list[float]:
    """Replace the clock; what it was asked for, in seconds."""
    spent: list[float] = []

    def interleaved(calls: Any, *, seconds: float, seed: int = 0) -> dict[str, list[float]]:
        spent.append(seconds)
        found = next(answers)
        return {name: list(found) for name in calls}

    monkeypatch.setattr(measuring, "interleaved", interleaved)
    return spent


def test_a_quiet_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = asked(monkeypatch, iter([STEADY]))
    assert timings({"a": Nothing()}, [[]], seconds=2.0) == {"a": STEADY} and spent == [2.0]


def test_several_examples_are_answered_in_turn_and_a_latency_is_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    class Noting:
        def run(self, inputs: Any) -> Any:
            answered.append(inputs)

    def interleaved(calls: Any, *, seconds: float, seed: int = 0) -> dict[str, list[float]]:
        calls["a"]()
        return {"a": [6.0, 9.0]}

    answered: list[Any] = []
    monkeypatch.setattr(measuring, "interleaved", interleaved)
    examples = [[np.asarray(number)] for number in range(3)]
    assert timings({"a": Noting()}, examples, seconds=2.0) == {"a": [2.0, 3.0]}
    assert answered == examples


def test_on_a_noisy_one_it_goes_on_until_it_is_quiet_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = asked(monkeypatch, iter([RESTLESS, STEADY * 20]))
    found = timings({"a": Nothing(), "b": Nothing()}, [[]], seconds=2.0, patience=4)
    assert spent == [2.0, 2.0] and found["b"] == [*RESTLESS, *(STEADY * 20)], "nothing that was measured is lost"


def test_it_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = asked(monkeypatch, iter([RESTLESS] * 9))
    timings({"a": Nothing()}, [[]], seconds=2.0, patience=4)
    assert spent == [2.0, 2.0, 4.0]


def test_without_patience_it_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spent = asked(monkeypatch, iter([RESTLESS] * 9))
    timings({"a": Nothing()}, [[]], seconds=2.0)
    assert spent == [2.0]


@pytest.mark.parametrize(("samples", "said"), [(STEADY, False), (RESTLESS, True)])
def test_noise_that_did_not_go_is_said(samples: list[float], said: bool, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    _say_noise(replace(ORIGINAL, latency_samples_ms=tuple(samples)), ledger, Progress(False))
    note = ledger.find("note", "noise")
    assert (noise(samples) > NOISY) is said
    assert (note is not None and f"{noise(samples):.0%}" in note) is said


@pytest.mark.parametrize(("budget", "said"), [("drop<=0.1pt", True), ("drop<=0pt", False), ("drop<=50pt", False)])
def test_a_select_split_too_small_for_the_drop_is_said(budget: str, said: bool, tmp_path: Path) -> None:
    workload, ledger = replace(tiny_workload(), classes=("a", "b")), Ledger(tmp_path)
    say_coarse(workload, parse_budget(budget), ORIGINAL, ledger, Progress(False))
    note = ledger.find("note", "coarse")
    assert (note is not None and f"has {len(workload.splits.select)} examples" in note) is said
