"""Scales and charts: what is drawn is what was measured."""

import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.core.records import Figures
from lissom.report.latency_chart import latency_chart
from lissom.report.path_chart import path_chart
from lissom.report.path_points import HEIGHT
from lissom.report.svg import Scale, drawing, element
from lissom.report.view import RunView, read

positive = st.floats(1e-6, 1e9)


@settings(deadline=None)
@given(positive, st.floats(1.01, 1e6), st.floats(0, 1), st.booleans())
def test_a_scale_keeps_order_and_its_ends(low: float, factor: float, share: float, log: bool) -> None:
    scale = Scale(low, low * factor, log)
    value = low + (low * factor - low) * share
    assert scale.share(low) == pytest.approx(0.0) and scale.share(low * factor) == pytest.approx(1.0)
    assert 0 <= scale.share(value) <= 1
    assert scale.share(low / 2) == pytest.approx(0.0) and scale.share(low * factor * 2) == pytest.approx(1.0)


@settings(deadline=None)
@given(positive, st.floats(1.01, 1e6), st.booleans())
def test_ticks_are_few_inside_and_rising(low: float, factor: float, log: bool) -> None:
    scale = Scale(low, low * factor, log)
    ticks = scale.ticks(6)
    assert 1 <= len(ticks) <= 8
    assert list(ticks) == sorted(set(ticks))
    slack = 1e-6 * low * factor
    assert all(low - slack <= tick <= low * factor + slack for tick in ticks)


def test_ticks_are_round() -> None:
    assert Scale(92.76, 93.49).ticks(6) == (92.8, 93.0, 93.2, 93.4)
    assert Scale(0.15, 2.9, log=True).ticks(5) == pytest.approx((0.2, 0.5, 1, 2))
    assert Scale(0.9, 1.1, log=True).ticks(6) == pytest.approx((0.9, 0.95, 1.0, 1.05, 1.1))


def test_elements_are_escaped() -> None:
    assert element("text", "<b>", class_="a", font_size=3, id='"') == (
        '<text class="a" font-size="3" id="&#34;">&lt;b&gt;</text>'
    )
    assert 'aria-label="a &amp; b"' in drawing(10, "a & b")


def _parsed(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart)


def _marks(view: RunView, cost: str) -> dict[str, list[ElementTree.Element]]:
    tree = _parsed(path_chart(view, cost))
    found: dict[str, list[ElementTree.Element]] = {}
    for node in tree.iter():
        if (name := node.get("class", "")).startswith("mark "):
            found.setdefault(name.removeprefix("mark "), []).append(node)
    return found


@pytest.mark.parametrize("cost", ["latency", "size"])
def test_every_measured_trial_is_drawn_kept_or_undone(any_run: Path, cost: str) -> None:
    view = read(any_run)
    measured = [trial for trial in view.trials if trial.figures]
    marks = _marks(view, cost)
    assert len(marks["original"]) == 1
    assert len(marks["kept"]) == sum(trial.kept for trial in measured)
    assert len(marks.get("undone", [])) == sum(not trial.kept for trial in measured)


def test_arrows_join_the_kept_ones_only(met_run: Path) -> None:
    tree = _parsed(path_chart(read(met_run), "latency"))
    arrows = [node for node in tree.iter() if node.get("class") == "path"]
    assert len(arrows) == 3
    assert all(float(arrow.get("x1", "0%")[:-1]) > float(arrow.get("x2", "0%")[:-1]) for arrow in arrows)


def test_a_front_is_a_line_through_what_nothing_beats(met_run: Path) -> None:
    view = replace(read(met_run), front=(5, 1, 3))
    lines = [node for node in _parsed(path_chart(view, "size")).iter() if node.get("class") == "path"]
    places = [mark.get("cx") for kind in ("kept", "undone") for mark in _marks(view, "size")[kind]]
    assert len(lines) == 2, "the undone one in the middle is on it too"
    assert all(line.get(end) in places for line in lines for end in ("x1", "x2"))
    across = [float(line.get(end, "0%")[:-1]) for line in lines for end in ("x1", "x2")]
    assert across == sorted(across)


def test_marks_stand_where_the_figures_say(met_run: Path) -> None:
    kept = _marks(read(met_run), "latency")["kept"]
    across = [float(mark.get("cx", "")[:-1]) for mark in kept]
    down = [float(mark.get("cy", "")) for mark in kept]
    assert across == sorted(across, reverse=True), "each kept move is faster"
    assert down == sorted(down), "each kept move scores a little less"
    # Equal ratios are equal distances on a logarithmic axis.
    first, second = math.log(0.31 / 0.14), math.log(0.14 / 0.09)
    assert (across[0] - across[1]) / (across[1] - across[2]) == pytest.approx(first / second, rel=0.01)


def test_a_trial_far_below_does_not_flatten_the_others(met_run: Path) -> None:
    view = read(met_run)
    below = [mark for mark in _marks(view, "size")["undone"] if mark.tag == "path"]
    assert len(below) == 1 and "41.30" in (below[0].findtext("title") or "")
    down = [float(mark.get("cy", "")) for mark in _marks(view, "size")["kept"]]
    assert max(down) - min(down) > HEIGHT / 4
    assert "4: 41.3" in path_chart(view, "size")


@pytest.mark.parametrize("cost", ["latency", "size"])
def test_what_was_delivered_has_a_ring(any_run: Path, cost: str) -> None:
    view = read(any_run)
    rings = [node for node in _parsed(path_chart(view, cost)).iter() if node.get("class") == "ring"]
    assert len(rings) == (view.delivered is not None)
    marks = {mark.get("cx") for kind in _marks(view, cost).values() for mark in kind}
    assert all(ring.get("cx") in marks for ring in rings)


def test_a_run_that_kept_nothing_shows_its_trials_all_the_same(missed_run: Path) -> None:
    view = read(missed_run)
    figures = replace(_figures(view)[1], score=80.0)
    undone = replace(view.trials[0], figures=figures, kept=False)
    for changed in (
        replace(view, trials=(undone,), delivered=undone),
        replace(view, trials=(undone,), delivered=None),
    ):
        marks = _marks(changed, "size")["undone"]
        assert [mark.tag for mark in marks] == ["circle"]


@pytest.mark.parametrize("cost", ["latency", "size"])
def test_everything_is_inside_the_chart(any_run: Path, cost: str) -> None:
    for node in _parsed(path_chart(read(any_run), cost)).iter():
        for key in ("x", "x1", "x2", "cx"):
            if (value := node.get(key, "")).endswith("%"):
                assert 0 <= float(value[:-1]) <= 100
        for key in ("cy", "y1", "y2"):
            assert 0 <= float(node.get(key, 0)) <= HEIGHT


def test_limits_are_lines_with_their_values(met_run: Path) -> None:
    chart = path_chart(read(met_run), "latency")
    assert chart.count('class="limit"') == 2
    assert "latency limit, 0.348 ms" in chart and "lowest score allowed, 92.80" in chart
    assert "size limit, 504 kB" in path_chart(read(met_run), "size")


def test_a_budget_without_a_limit_on_the_cost(met_run: Path) -> None:
    view = read(met_run)
    view = replace(view, settings=replace(view.settings, budget="size<=2%"))
    chart = path_chart(view, "latency")
    assert chart.count('class="limit"') == 1 and "lowest score allowed, 92.37" in chart


def test_numbers_do_not_cover_each_other(met_run: Path) -> None:
    for cost in ("latency", "size"):
        texts = list(_parsed(path_chart(read(met_run), cost)).iter("text"))
        places = [
            (
                float(t.get("x", "")[:-1]) * 4.2 + float(t.get("dx", 0)),
                float(t.get("y", 0)) + float(t.get("dy", 0)),
            )
            for t in texts
            if (t.get("class") or "").startswith("number")
        ]
        assert len(places) == 6
        for index, (x, y) in enumerate(places):
            assert all(abs(x - a) > 8 or abs(y - b) > 10 for a, b in places[:index])


def _figures(view: RunView) -> tuple[Figures, Figures]:
    assert view.verdict is not None
    return view.verdict.original, view.verdict.final


def test_latencies_are_all_in_the_histogram(met_run: Path) -> None:
    original, result = _figures(read(met_run))
    chart = latency_chart(original, result)
    for name in ("original", "result"):
        assert sum(int(n) for n in re.findall(rf"{name}: (\d+) of 200 timings", chart)) == 200
    assert "result: p50 0.208 ms, p95 0.222 ms" in chart
    assert len([node for node in _parsed(chart).iter() if "quantile" in node.get("class", "")]) == 4


def test_close_latencies_share_a_straight_axis(met_run: Path) -> None:
    original, _ = _figures(read(met_run))
    chart = latency_chart(original, original)
    assert "2.4 ms" in chart and "1 ms<" not in chart


def test_without_timings_there_is_no_histogram(met_run: Path) -> None:
    original, result = _figures(read(met_run))
    assert latency_chart(original, replace(result, latency_samples_ms=())) == ""
