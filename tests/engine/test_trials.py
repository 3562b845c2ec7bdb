"""What a move on top of others is called when all of them are carried out as one, and which of two cuts stands."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.core.progress import Progress
from lissom.core.records import Figures
from lissom.engine import trials as module
from lissom.engine.decisions import Decision
from lissom.engine.measuring import Comparison
from lissom.engine.trials import State, Trials, Tried, _check_same, _trial, best_of
from lissom.plan.budget import parse_budget
from lissom.plan.move import Move
from lissom.steps.distillation.distill import Distill
from lissom.steps.nothing import Nothing

CUT, INT8 = Move("prune 50% + repair", (Nothing(),)), Move("quantize int8", (Nothing(),))


def test_a_move_on_top_of_another_names_both() -> None:
    whole = State((Nothing(),), None, CUT.name).with_move(INT8)
    assert whole == Move("prune 50% + repair + quantize int8", (Nothing(), Nothing()))


def test_the_first_one_and_one_that_says_all_keep_their_names() -> None:
    assert State().with_move(CUT) == CUT
    longer = Move("prune 50% + repair + int8", (Nothing(),))
    assert State((Nothing(),), None, CUT.name).with_move(longer).name == longer.name


def test_a_trial_is_not_read_as_one_of_other_steps() -> None:
    step = Distill(2, losses=(("logits", 1.0),))
    move = Move("distill", (step,))
    known = _trial(1, move, Decision(False, "too slow"), {}, 1.0)
    _check_same(known, move)
    for other in (Move("distill", (replace(step, epochs=3),)), CUT):
        with pytest.raises(LissomError, match="begun with another plan, or by another version"):
            _check_same(known, other)


FIGURES = Figures(
    score=90.0,
    score_interval=(89.0, 91.0),
    latency_ms=1.0,
    latency_interval_ms=(1.0, 1.0),
    latency_p95_ms=1.0,
    size_bytes=1000,
    macs=1000,
    parameters=1000,
    peak_memory_bytes=None,
)


def measured(folder: Path, monkeypatch: pytest.MonkeyPatch, drops: list[float]) -> Trials:
    """Trials of artefacts that are half as slow as the original and lose so much, one after the other."""
    monkeypatch.setattr(module, "profile", lambda *given: SimpleNamespace(macs=1, attention_macs=0, parameters=1))
    left = iter(drops)

    def compare(*given: Any, **settings: Any) -> tuple[Comparison, None]:
        drop = next(left)
        return Comparison(FIGURES, drop, (drop, drop), 0.5, (0.5, 0.5), 1.0), None

    workload = SimpleNamespace(module=None, example=None, splits=SimpleNamespace(select=None))
    carrier: Any = SimpleNamespace(
        model=lambda steps: (workload, tuple(0.0 for _ in steps)), artefact=lambda *given: SimpleNamespace(notes=())
    )
    bench = SimpleNamespace(compare=compare, progress=Progress(False))
    baseline: Any = SimpleNamespace(figures=FIGURES, bench=bench, select=None)
    return Trials(Ledger(folder), carrier, baseline, parse_budget("latency<=60%, drop<=1pt"))


@pytest.mark.parametrize(
    ("learnt", "repaired", "kept", "best"),
    [
        (0.3, 0.4, [True, False], "learnt"),  # the repair alone loses more: a smaller sample had said less
        (0.4, 0.3, [True, True], "repaired"),
        (0.3, 0.3, [True, False], "learnt"),
        (1.5, 0.4, [False, True], "repaired"),
        (1.2, 1.5, [False, False], "learnt"),
    ],
)
def test_of_a_cut_with_and_without_its_recovery_the_one_that_loses_less_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learnt: float, repaired: float, kept: list[bool], best: str
) -> None:
    trials = measured(tmp_path, monkeypatch, [learnt, repaired])
    first = trials.try_move(State(), Move("learnt", (Distill(1),)))
    second: Tried = trials.try_move(State(), Move("repaired", (Nothing(),)), instead=first)
    assert [first.trial.kept, second.trial.kept] == kept
    assert best_of(trials.tried).trial.move == best
