"""Where the time of a run goes, and what earlier starts left of a limit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lissom.core.ledger import NAME, Ledger
from lissom.core.records import SCHEMA
from lissom.engine.stopwatch import ENDING_S, Stopwatch, time_left, time_spent


def test_a_stopwatch_adds_up_parts() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch.part("training"):
            torch.ones(10).sum()
    with pytest.raises(ValueError, match="x"), watch.part("failing"):
        raise ValueError("x")
    found = watch.summary()
    assert set(found) == {"training", "failing", "engine"} and all(seconds >= 0 for seconds in found.values())
    assert watch.total >= sum(watch.parts.values())


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ([("start", 10.0), ("trial", 30.0), ("start", 900.0, 400.0), ("trial", 910.0)], 130.0),  # killed in a training
        ([("start", 10.0), ("trial", 110.0), ("start", 900.0, 50.0)], 430.0),
        ([], 530.0),
        ([("settings", 0.0)], 530.0),
        ([("settings", 0.0), ("start", 10.0), ("trial", 110.0)], 430.0),
        ([("start", 10.0), ("trial", 110.0), ("start", 5000.0), ("trial", 5100.0)], 330.0),  # the pause is free
        ([("start", 10.0), ("start", 20.0), ("trial", 900.0)], 0.0),
    ],
)
def test_a_limit_holds_for_all_starts_together(tmp_path: Path, written: list[tuple[Any, ...]], left: float) -> None:
    lines = [
        json.dumps(
            {"schema": SCHEMA, "kind": kind, "key": "", "value": {"lived_until": seen[0]} if seen else {}, "at": at}
        )
        for kind, at, *seen in written
    ]
    (tmp_path / NAME).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert time_left(Ledger(tmp_path), 600.0) == left
    assert time_left(Ledger(tmp_path), None) is None
    assert left == max(0.0, 600.0 - ENDING_S - time_spent(Ledger(tmp_path)))
    assert time_left(Ledger(tmp_path / "none"), 30.0) == 24.0, "of a short limit a fifth is for the end"


def test_a_race_before_the_first_start_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append("race", "", {"targets": "auto", "seconds": 50.0})
    assert time_left(ledger, 600.0) == 480.0
