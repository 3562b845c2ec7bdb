"""Cards: before, after, and what is left of each limit."""

from dataclasses import replace
from pathlib import Path

from lissom.core.records import LimitCheck
from lissom.report.cards import Card, cards
from lissom.report.standing import Standing, standing
from lissom.report.view import read


def _standing(folder: Path) -> Standing:
    now = standing(read(folder))
    assert now is not None
    return now


def _card(now: Standing, name: str) -> Card:
    return next(card for card in cards(now) if card.name == name)


def test_the_measures_in_their_order(met_run: Path) -> None:
    assert [(card.name, card.change) for card in cards(_standing(met_run))] == [
        ("size", "77x smaller"),
        ("latency", "11x faster"),
        ("score", "0.23 points lower"),
        ("multiply-adds", "11x fewer"),
        ("parameters", "11x fewer"),
        ("peak memory", "3.7x less"),
    ]


def test_a_gauge_shows_what_was_used_and_where_the_limit_lies(met_run: Path) -> None:
    gauge = _card(_standing(met_run), "size").gauge
    assert gauge is not None and gauge.met and gauge.text == "1.3 % of 2 % allowed"
    assert (round(gauge.share, 1), gauge.allowed) == (52.0, 80.0)
    assert _card(_standing(met_run), "parameters").gauge is None


def test_a_limit_that_is_missed_ends_inside_the_gauge(met_run: Path) -> None:
    check = LimitCheck("size", 0.2, 0.02, "20 %", "2 %", False)
    gauge = _card(replace(_standing(met_run), limits=(check,)), "size").gauge
    assert gauge is not None and not gauge.met and (round(gauge.share), round(gauge.allowed)) == (100, 10)


def test_a_gain_uses_nothing_of_the_drop(met_run: Path) -> None:
    check = LimitCheck("drop", -0.3, 0.5, "-0.30 points", "0.50 points", True)
    gauge = _card(replace(_standing(met_run), limits=(check,)), "score").gauge
    assert gauge is not None and gauge.share == 0 and gauge.text == "-0.30 of 0.50 points allowed"


def test_an_unfinished_run_stands_where_its_last_kept_move_is(unfinished_run: Path) -> None:
    now = _standing(unfinished_run)
    assert now.result == read(unfinished_run).trials[-1].figures
    assert [(check.limit, check.met) for check in now.limits] == [
        ("size", False),
        ("latency", True),
        ("drop", True),
    ]


def test_a_run_that_kept_nothing_stands_nowhere(unfinished_run: Path) -> None:
    assert standing(replace(read(unfinished_run), trials=())) is None
