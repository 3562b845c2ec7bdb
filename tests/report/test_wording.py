"""Sentences: what they say at the edges."""

from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.ledger import Ledger
from lissom.core.records import LimitCheck
from lissom.report.view import read
from lissom.report.wording import compress_command, lower, missed, next_command, outcome, times


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


def test_a_miss_says_which_limit_and_by_how_much(missed_run: Path) -> None:
    assert outcome(read(missed_run)).startswith("Budget missed (latency by 20 %): the result is ")


def test_a_limit_of_zero_is_missed_without_a_percentage() -> None:
    check = LimitCheck("drop", 0.31, 0.0, "0.31 points", "0.00 points", False)
    assert missed([check]) == "drop (0.31 points of 0.00 points)"
    assert missed([replace(check, met=True)]) == ""


def test_a_run_that_ended_without_a_verdict(unfinished_run: Path) -> None:
    Ledger(unfinished_run).append("end", "", {"met": False, "seconds": 3.0})
    view = read(unfinished_run)
    assert view.met is False and outcome(view) == "ended without a verdict"


def test_the_command_holds_what_decides_the_run(met_run: Path) -> None:
    view = read(met_run)
    settings = replace(
        view.settings,
        threads=4,
        options={"keep": ["a.*", "b"], "random_weights": True, "crop": None, "fast": False},
    )
    assert compress_command(replace(view, settings=settings)) == (
        "lissom compress zoo:fixture --task image --data made-up-pictures"
        " --budget 'size<=2%, latency<=15%, drop<=0.5pt' --target onnxruntime --threads 4"
        f" --keep 'a.*' --keep b --random-weights -o {met_run}"
    )


def test_other_tasks_are_predicted_by_the_bundle_itself(met_run: Path) -> None:
    view = read(met_run)
    other = replace(view, settings=replace(view.settings, task="text"))
    assert next_command(other) == f"python {met_run}/bundle/predict.py --help"
