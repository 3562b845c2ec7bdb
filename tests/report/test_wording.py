"""Sentences: what they say at the edges."""

from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import LimitCheck
from lissom.report.html import page
from lissom.report.standing import standing
from lissom.report.terminal import table
from lissom.report.view import read
from lissom.report.wording import (
    agreement,
    decision,
    guard,
    held_against,
    lower,
    missed,
    outcome,
    speed,
    times,
)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (55.2, 1.0, "55x smaller"),
        (9.04, 1.0, "9x smaller"),
        (1.0, 1.3, "1.3x larger"),
        (100.0, 95.0, "5.0 % smaller"),
        (100.0, 100.1, "no smaller"),
        (0.0, 1.0, "no smaller"),
    ],
)
def test_ratios(before: float, after: float, text: str) -> None:
    assert times(before, after, less="smaller", more="larger", same="no smaller") == text


def test_a_gain_in_score_is_not_called_a_drop() -> None:
    assert lower(0.234) == "0.23 points lower"
    assert lower(-0.12) == "0.12 points higher"
    assert lower(0.001) == "the same"


def test_the_outcome_in_one_sentence(met_run: Path) -> None:
    assert outcome(read(met_run)) == (
        "Budget met: the result is 77x smaller and 11x faster than the original, "
        "and its score is 0.23 points lower (95 %: -0.11 to 0.52)."
    )


@pytest.mark.parametrize(
    ("ratio", "interval", "said"),
    [
        (0.1, (0.09, 0.11), "10x faster"),
        (0.1, (0.05, 0.5), "10x faster (95 %: 2x faster to 20x faster)"),
        (0.01, (0.008, 0.0125), "100x faster (95 %: 80x faster to 125x faster)"),
        (1.001, (0.5, 2.0), "no faster (95 %: 2x slower to 2x faster)"),
        (2.0, (1.0, 4.0), "2x slower (95 %: 4x slower to no faster)"),
        (2.0, None, "2x slower"),
    ],
)
def test_a_ratio_of_noisy_timings_is_said_with_its_interval(
    met_run: Path, ratio: float, interval: tuple[float, float] | None, said: str
) -> None:
    now = standing(read(met_run))
    assert now is not None
    assert speed(replace(now, latency_ratio=ratio, latency_ratio_interval=interval)) == said


def test_without_labels_the_outcome_is_agreement(unlabelled_run: Path) -> None:
    assert outcome(read(unlabelled_run)).endswith("its agreement with it is 98.80 of 100 (95 %: 98.35 to 99.25).")


def test_a_miss_says_which_limit_and_by_how_much(missed_run: Path) -> None:
    assert outcome(read(missed_run)).startswith("Budget missed (latency by 20 %): the result is ")


def test_an_interval_in_points_beside_a_limit_in_percent_says_so() -> None:
    relative = LimitCheck("drop", 0.0025, 0.01, "0.25 %", "1 %", True)
    assert held_against(relative, (-0.11, 0.52)) == "drop 0.25 % of 1 % (95 %: -0.11 to 0.52 points)"
    size = LimitCheck("size", 1e6, 2e6, "1 MB", "2 MB", True)
    assert held_against(size, (-0.11, 0.52)) == "size 1 MB of 2 MB"


def test_quick_runs_warn_wherever_they_are_shown(met_run: Path) -> None:
    view = read(met_run)
    quick = replace(view, settings=replace(view.settings, options={"loading": {"limit": 500}}))
    assert "warning: quick mode: little data" in table(quick)
    assert "<b>Warning:</b> quick mode: little data" in page(quick)
    assert "quick mode" not in table(view) and "quick mode" not in page(view)


def test_a_limit_of_zero_is_missed_without_a_percentage() -> None:
    check = LimitCheck("drop", 0.31, 0.0, "0.31 points", "0.00 points", False)
    assert missed([check]) == "drop (0.31 points of 0.00 points)"
    assert missed([replace(check, met=True)]) == ""


def test_great_misses_are_told_in_times() -> None:
    size = LimitCheck("size", 6.63, 2.0, "6.63 %", "2 %", False)
    latency = LimitCheck("latency", 0.18, 0.15, "18 %", "15 %", False)
    assert missed([size, latency]) == "size 3.3 times its limit, latency by 20 %"


def test_a_run_that_ended_without_a_verdict(unfinished_run: Path) -> None:
    Ledger(unfinished_run).append("end", "", {"met": False, "seconds": 3.0})
    view = read(unfinished_run)
    assert view.met is False and outcome(view).startswith(
        "Ended without a verdict: 2 moves tried, 2 kept. So far the result is"
    )


def test_an_undone_move_that_was_delivered_says_so(missed_run: Path) -> None:
    view = read(missed_run)
    undone = replace(view.trials[0], kept=False, reason="loses 0.90 points")
    view = replace(view, trials=(undone, view.trials[1]), delivered=undone)
    text = "undone: loses 0.90 points; delivered all the same, as the closest"
    assert decision(undone, undone) == text
    assert "delivered, as the closest" in page(view)
    assert "delivered all the same" in " ".join(table(view, 110).split())


def test_agreement_is_said_where_it_is_a_measure(met_run: Path) -> None:
    view = read(met_run)
    assert agreement(view) == "Agreement with the original: 96.4 of 100"
    codec = replace(view, settings=replace(view.settings, task="codec"))
    assert agreement(codec) == "" and "Agreement with" not in page(codec)


def test_without_labels_the_drop_is_called_what_it_is_of_the_task(unlabelled_run: Path) -> None:
    view = read(unlabelled_run)
    codec, translator = (
        guard(replace(view, settings=replace(view.settings, task=task))) for task in ("codec", "translation")
    )
    assert translator.startswith("no labels were used: the drop is 100 less the score") and "share" not in translator
    assert codec == ""


def test_the_drop_of_values_is_no_share_of_answers(unlabelled_run: Path) -> None:
    view = read(unlabelled_run)
    assert view.baseline is not None
    text = replace(
        view, settings=replace(view.settings, task="text"), baseline=replace(view.baseline, metric="spearman")
    )
    assert guard(text).startswith("no labels were used: the drop is 100 less the rank correlation")
    assert "share" not in guard(text)
