"""Bars: order, length, and what is said when there is nothing to show."""

from dataclasses import replace
from pathlib import Path

import pytest

from lissom.core.records import Figures, Width
from lissom.report.bars import class_bars, time_bars, width_bars
from lissom.report.view import read


@pytest.fixture
def plain(met_run: Path) -> Figures:
    """Figures to put scores by class into."""
    verdict = read(met_run).verdict
    assert verdict is not None
    return verdict.original


def _scored(figures: Figures, *scores: float) -> Figures:
    return replace(figures, score_by_class=scores)


def test_widths_keep_the_order_of_the_network() -> None:
    bars = width_bars((Width("b", "linear", 8, 2), Width("a", "linear", 4, 4), Width("c", "linear", 0, 0)))
    assert [(bar.layer, bar.share) for bar in bars] == [("b", 25.0), ("a", 100.0), ("c", 0.0)]


def test_layers_of_a_block_that_was_left_out_share_a_bar() -> None:
    gone = [Width(f"encoder.layer.{block}.{part}", "Linear, left out", 8, 0) for block in (0, 1) for part in "qkv"]
    stays = [Width("encoder.layer.2.q", "Linear", 8, 8)] * 2 + [Width("encoder.layer.3.q", "Linear, left out", 8, 0)]
    told = [(bar.layer, bar.kind, bar.before, bar.after) for bar in width_bars((*gone, *stays))]
    assert told == [
        ("encoder.layer.0", "3 layers, left out", 24, 0),
        ("encoder.layer.1", "3 layers, left out", 24, 0),
        ("encoder.layer.2.q", "Linear", 8, 8),
        ("encoder.layer.2.q", "Linear", 8, 8),
        ("encoder.layer.3.q", "Linear, left out", 8, 0),
    ]


def test_classes_go_from_the_greatest_loss_to_the_greatest_gain(plain: Figures) -> None:
    bars = class_bars(_scored(plain, 90, 80, 70), _scored(plain, 92, 70, 70), ("one", "two", "three"))
    assert bars is not None
    assert [(bar.name, bar.drop) for bar in bars.shown] == [("two", 10), ("three", 0), ("one", -2)]
    assert [(bar.start, bar.length) for bar in bars.shown] == [(50, 50), (50, 0), (40, 10)]
    assert (bars.lost, bars.gained, bars.hidden) == (1, 1, ())


def test_tiny_changes_do_not_fill_the_bars(plain: Figures) -> None:
    bars = class_bars(_scored(plain, 90.0, 80.0), _scored(plain, 89.9, 80.0), ())
    assert bars is not None and bars.shown[0].length == pytest.approx(5.0)
    assert bars.shown[0].name == "class 0"


def test_of_many_classes_the_ends_are_shown(plain: Figures) -> None:
    before, after = [50.0] * 100, [50.0 + index - 50 for index in range(100)]
    bars = class_bars(_scored(plain, *before), _scored(plain, *after), ())
    assert bars is not None and len(bars.hidden) == 100
    assert [bar.name for bar in bars.shown][:2] == ["class 0", "class 1"]
    assert [bar.name for bar in bars.shown][-2:] == ["class 98", "class 99"]


def test_without_scores_by_class_there_are_no_bars(plain: Figures) -> None:
    assert class_bars(_scored(plain), _scored(plain), ()) is None
    assert class_bars(_scored(plain, 1.0), _scored(plain, 1.0, 2.0), ()) is None


def test_time_that_no_part_claims_is_named() -> None:
    assert [(bar.name, bar.seconds) for bar in time_bars(10, {"export": 2, "train": 7})] == [
        ("train", 7),
        ("export", 2),
        ("other", 1),
    ]
    assert time_bars(0, {}) == ()
    assert sum(bar.share for bar in time_bars(1, {"a": 3, "b": 1})) == pytest.approx(100)
