"""What the original is timed with."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lissom.core.ledger import Ledger
from lissom.engine.baseline import timed_arrays, timed_with
from lissom.testing import tiny_workload

SOME = tuple((np.full(1, number),) for number in range(3))


class Answering:
    """Takes so many seconds by a clock that stands still otherwise."""

    def __init__(self, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.now = seconds, 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def run(self, inputs: Any) -> Any:
        self.now += self.seconds


@pytest.mark.parametrize(("seconds", "count"), [(0.001, 3), (0.5, 1)])
def test_where_an_answer_takes_long_one_example_will_do(
    seconds: float, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path)
    found = timed_with(Answering(seconds, monkeypatch), SOME, ledger)
    assert found == SOME[:count]
    assert [note for note in ledger.values("note") if "the mean of 3 examples" in note] == [
        "latency: the mean of 3 examples of a like size, one after the other"
    ] * (count > 1)
    other = Answering(1.0 - seconds, monkeypatch)
    assert timed_with(other, SOME, ledger) == found and other.now == 0, "a run that goes on measures the same"


def test_one_example_is_not_asked_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Answering(1.0, monkeypatch)
    assert timed_with(runner, SOME[:1], Ledger(tmp_path)) == SOME[:1] and runner.now == 0


def test_examples_are_repeated_for_a_batch() -> None:
    workload = tiny_workload()
    (example,) = timed_arrays(workload, 4)
    assert example[0].shape == (4, *workload.example[0].shape[1:])
