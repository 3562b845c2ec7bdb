"""Widths keep to limits, least widths and multiples, and what matters most stays."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lissom.plan.allocation import Choice, CostModel, Side, Term, allocate, narrowest, to_json

shares = st.floats(0.02, 1.0)


@st.composite
def chains(draw: st.DrawFn) -> CostModel:
    """Layers one after the other, each with a group of its own, read by the next."""
    count = draw(st.integers(1, 4))
    multiple = draw(st.sampled_from([1, 4, 8]))
    choices = []
    for index in range(count):
        units = draw(st.integers(1, 70))
        importance = draw(st.lists(st.floats(0, 100), min_size=units, max_size=units))
        least = draw(st.integers(1, max(1, units // 3)))
        choices.append(Choice(index, f"layer {index}", tuple(importance), least, multiple))
    widths = [3, *(choice.units for choice in choices), 10]
    terms = []
    for number, (inside, outside) in enumerate(itertools.pairwise(widths)):
        sides = []
        if number < count:
            sides.append(Side(outside, (((number,), outside),)))
        if number:
            sides.append(Side(inside, (((number - 1,), inside),)))
        parameters = inside * outside * 9
        terms.append(Term(f"weight {number}", parameters, parameters * draw(st.integers(1, 50)), tuple(sides)))
    return CostModel(tuple(choices), tuple(terms))


def limits(model: CostModel, share: float, *measures: str) -> dict[str, float]:
    return {measure: share * model.cost(measure, model.full) for measure in measures}


@settings(max_examples=20, deadline=None)
@given(chains(), shares, shares)
def test_limits_are_kept_or_nothing_is_promised(model: CostModel, small: float, fast: float) -> None:
    asked = limits(model, small, "parameters") | limits(model, fast, "macs")
    widths = allocate(model, asked)
    if widths is None:
        least = narrowest(model)
        assert any(model.cost(measure, least) > allowed for measure, allowed in asked.items())
    else:
        assert all(model.cost(measure, widths) <= allowed for measure, allowed in asked.items())


@settings(max_examples=20, deadline=None)
@given(chains(), shares)
def test_widths_are_possible(model: CostModel, share: float) -> None:
    for widths in (allocate(model, limits(model, share, "macs")), narrowest(model)):
        if widths is None:
            continue
        assert widths.keys() == model.full.keys()
        for choice in model.choices:
            width = widths[choice.index]
            assert choice.least <= width <= choice.units
            if choice.units >= 4 * choice.multiple and width not in (choice.units, choice.least):
                assert width % choice.multiple == 0


@settings(max_examples=15, deadline=None)
@given(chains(), shares, shares)
def test_a_larger_budget_makes_no_group_narrower(model: CostModel, one: float, other: float) -> None:
    tight = allocate(model, limits(model, min(one, other), "macs"))
    loose = allocate(model, limits(model, max(one, other), "macs"))
    if tight is not None:
        assert loose is not None
        assert all(loose[index] >= tight[index] for index in tight)


@settings(max_examples=15, deadline=None)
@given(chains())
def test_without_a_need_nothing_goes(model: CostModel) -> None:
    assert allocate(model, limits(model, 1.0, "macs", "parameters")) == model.full
    assert allocate(model, {}) == model.full


def chain(*importance: list[float], multiple: int = 1, least: int = 1) -> CostModel:
    """Groups that cost the same by unit and share no tensor."""
    choices = tuple(Choice(i, f"g{i}", tuple(v), least, multiple) for i, v in enumerate(importance))
    terms = tuple(
        Term(f"t{i}", 10.0 * len(v), 10.0 * len(v), (Side(len(v), (((i,), len(v)),)),))
        for i, v in enumerate(importance)
    )
    return CostModel(choices, terms)


def test_the_group_that_matters_less_gives_more() -> None:
    model = chain([1.0] * 40, [100.0] * 40)
    widths = allocate(model, limits(model, 0.7, "macs"))
    assert widths is not None and widths[0] < 20 and widths[1] == 40


def test_a_group_with_idle_units_gives_them_first() -> None:
    model = chain([0.0] * 20 + [50.0] * 20, [10.0] * 40)
    widths = allocate(model, limits(model, 0.75, "macs"))
    assert widths == {0: 20, 1: 40}


def test_what_only_costs_elsewhere_is_left_alone() -> None:
    model = CostModel(
        (Choice(0, "slow", (1.0,) * 20), Choice(1, "fat", (1.0,) * 20)),
        (Term("slow", 1, 1000, (Side(20, (((0,), 20),)),)), Term("fat", 1000, 1, (Side(20, (((1,), 20),)),))),
    )
    assert allocate(model, limits(model, 0.5, "macs"))[1] == 20
    assert allocate(model, limits(model, 0.5, "parameters"))[0] == 20


def test_no_group_is_emptied() -> None:
    model = chain([1.0] * 10, [1.0] * 10, least=2)
    assert narrowest(model) == {0: 2, 1: 2}
    assert allocate(model, {"macs": 1.0}) is None


def test_multiples_hold_where_a_group_is_wide_enough() -> None:
    assert narrowest(chain([1.0] * 32, multiple=8)) == {0: 8}
    assert narrowest(chain([1.0] * 16, multiple=8)) == {0: 1}
    widths = allocate(chain([1.0] * 64, multiple=8), {"macs": 320.0})
    assert widths == {0: 32}


def test_the_least_units_are_the_ones_that_are_lost() -> None:
    choice, tenfold = Choice(0, "g", (5.0, 1.0, 3.0, 2.0)), Choice(0, "g", (90.0, 10.0, 80.0, 20.0))
    for below in (3, 2):
        assert tenfold.lost(4, below) == pytest.approx(10 * choice.lost(4, below)), "the others do not count"
    assert choice.lost(4, 3) >= 1.0 and choice.lost(4, 2) >= 1.0 + 2.0
    assert choice.lost(4, 4) == 0.0


def test_a_unit_matters_more_the_fewer_are_left() -> None:
    choice = Choice(0, "g", (1.0,) * 8)
    lost = [choice.lost(width, width - 1) for width in range(8, 1, -1)]
    assert lost == sorted(lost) and lost[0] < lost[-1]


@given(st.lists(st.floats(0, 10), min_size=2, max_size=30))
def test_less_is_lost_by_cutting_less(importance: list[float]) -> None:
    choice = Choice(0, "g", tuple(importance))
    lost = [choice.lost(choice.units, width) for width in range(1, choice.units + 1)]
    assert all(one >= other - 1e-9 for one, other in itertools.pairwise(lost))


def test_costs_multiply_along_both_sides_of_a_tensor() -> None:
    model = CostModel(
        (Choice(0, "a", (1.0,) * 8), Choice(1, "b", (1.0,) * 4)),
        (Term("w", 32.0, 320.0, (Side(8, (((0,), 8),)), Side(4, (((1,), 4),)))), Term("fixed", 5.0, 7.0, ())),
    )
    assert model.cost("parameters", {0: 4, 1: 1}) == pytest.approx(32 * 0.5 * 0.25 + 5)
    assert model.cost("macs", {0: 8, 1: 4}) == pytest.approx(327)


def test_a_side_that_several_groups_share() -> None:
    side = Side(10, (((0,), 4), ((1,), 4)))  # two of the ten places belong to nobody
    assert side.share({0: 2, 1: 4}, {0: 4, 1: 4}) == pytest.approx(0.8)
    assert side.share({0: 0, 1: 0}, {0: 4, 1: 4}) == pytest.approx(0.2)


def test_groups_that_share_places_multiply() -> None:
    side = Side(12, (((0, 1), 8), ((0, 2), 4)))  # heads, size of queries and keys, size of values
    full = {0: 4, 1: 2, 2: 2}
    assert side.share({0: 2, 1: 1, 2: 1}, full) == pytest.approx(0.25)
    assert side.share({0: 2, 1: 1, 2: 2}, full) == pytest.approx((8 / 4 + 4 / 2) / 12)


def test_widths_as_a_record() -> None:
    model = chain([1.0] * 3, [1.0] * 2)
    assert to_json({0: 2, 1: 2}, model.choices) == [
        {"group": 0, "name": "g0", "before": 3, "after": 2}, {"group": 1, "name": "g1", "before": 2, "after": 2},
    ]  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(chains(), st.data())
def test_what_a_group_saves_is_the_difference_of_totals(model: CostModel, data: st.DataObject) -> None:
    widths = {choice.index: data.draw(st.integers(1, choice.units)) for choice in model.choices}
    choice = data.draw(st.sampled_from(model.choices))
    below = data.draw(st.integers(1, widths[choice.index]))
    for measure in ("parameters", "macs"):
        left = model.cost(measure, {**widths, choice.index: below})
        expected = model.cost(measure, widths) - left
        assert model.saved(measure, widths, choice.index, below) == pytest.approx(expected, abs=1e-6 * left + 1e-6)


def test_a_model_without_groups_or_within_no_limit_at_all() -> None:
    nothing = CostModel((), (Term("fixed", 10.0, 10.0, ()),))
    assert allocate(nothing, {"macs": 10.0}) == {}
    assert allocate(nothing, {"macs": 9.0}) is None
    assert narrowest(nothing) == {}


def test_one_unit_is_never_taken_from_a_group_of_one() -> None:
    assert narrowest(chain([3.0])) == {0: 1}
    assert allocate(chain([3.0], [1.0] * 4), {"macs": 20.0}) == {0: 1, 1: 1}
    assert allocate(chain([3.0], [1.0] * 4), {"macs": 19.0}) is None


def test_units_that_cost_nothing_in_what_is_limited_stay() -> None:
    idle = CostModel(
        (Choice(0, "idle", (0.0,) * 8), Choice(1, "dear", (9.0,) * 8)),
        (Term("t", 80.0, 80.0, (Side(8, (((1,), 8),)),)),),
    )
    assert allocate(idle, {"macs": 50.0}) == {0: 8, 1: 5}


def test_a_wide_group_does_not_take_a_thousand_turns() -> None:
    choice = Choice(0, "g", tuple(np.ones(2048)), multiple=8)
    width, turns = 2048, 0
    while (below := choice.narrower(width)) != width:
        width, turns = below, turns + 1
    assert width == 8 and turns < 120


def test_between_two_and_four_multiples_widths_are_whole_grains() -> None:
    """What lies between grains costs the target as much as the grain above."""
    group = Choice(0, "g", (1.0,) * 16, multiple=8, grain=8)
    assert group.narrower(16) == 8 and group.narrower(8) == 8
    assert Choice(0, "g", (1.0,) * 16, multiple=8, grain=4).narrower(16) == 12
    assert Choice(0, "g", (1.0,) * 12, multiple=8, grain=8).narrower(12) == 11, "narrower than two grains"
    assert Choice(0, "g", (1.0,) * 64, multiple=4, grain=8).narrower(64) == 60, "wide groups have their multiple"


def test_the_time_of_layers_is_a_cost_like_the_others() -> None:
    sides = (Side(4, (((0,), 4),)),)
    model = CostModel(
        (Choice(0, "a", (1.0,) * 4), Choice(1, "b", (1.0,) * 4)),
        (Term("a", 1.0, 10.0, sides, latency_ms=1.0), Term("b", 1.0, 1.0, (Side(4, (((1,), 4),)),), latency_ms=8.0)),
    )
    assert model.cost("latency_ms", {0: 4, 1: 2}) == pytest.approx(5.0)
    widths = allocate(model, {"latency_ms": 5.0})
    assert widths is not None and widths[1] <= 2 and widths[0] == 4, "the slow layer goes, not the one of many macs"
