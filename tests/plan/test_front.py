"""The front holds what no other point beats, and the right one is picked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.plan.front import Point, front, pick, shares_of_time

figures = st.integers(0, 5).map(float)


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    count = draw(st.integers(1, 12))
    return [
        Point(number, draw(figures), (("latency", draw(figures)), ("size", draw(figures))), draw(figures))
        for number in range(1, count + 1)
    ]


def vector(point: Point) -> tuple[float, ...]:
    return (point.drop, *(cost for _, cost in point.costs))


@given(points())
def test_nothing_beats_the_front_and_it_beats_everything_else(found: list[Point]) -> None:
    best = front(found)
    assert best and all(not point.beaten_by(other) for point in best for other in found)
    assert all(any(point.beaten_by(other) for other in best) for point in found if point not in best)
    assert [point.drop for point in best] == sorted(point.drop for point in best)


@given(points())
def test_a_point_is_beaten_by_what_is_nowhere_worse_and_somewhere_better(found: list[Point]) -> None:
    for one in found:
        assert not one.beaten_by(one)
        for other in found:
            better = all(b <= a for a, b in zip(vector(one), vector(other), strict=True))
            assert one.beaten_by(other) == (better and vector(one) != vector(other))
            assert not (one.beaten_by(other) and other.beaten_by(one))


@given(points())
def test_what_meets_the_budget_is_picked_before_what_is_closest(found: list[Point]) -> None:
    chosen = pick(found, by_drop=True)
    assert chosen.overshoot == min(point.overshoot for point in found)
    met = [point for point in found if point.overshoot == 0]
    if met:
        assert chosen.drop == min(point.drop for point in met)
        assert pick(found, by_drop=False).costs == min(point.costs for point in met)


def test_time_is_spent_where_it_may_lead_within_the_drop() -> None:
    assert shares_of_time([0.5, 1.0, 2.5], hope=2.5) == pytest.approx([1 / 3, 1 / 2, 1.0])
    unneeded, needed, far, hopeless = shares_of_time([-0.2, 1.0, 5.0, 50.0], hope=2.5)
    assert unneeded == pytest.approx(0.25 / 1.8) and needed == pytest.approx(1 / 1.55)
    assert far == pytest.approx(0.5 / 0.55) and hopeless == 1.0
