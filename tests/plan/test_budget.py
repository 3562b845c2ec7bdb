"""Budgets are read as they are written; what cannot be meant is refused with a hint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.errors import LissomError
from lissom.core.records import Figures
from lissom.plan.budget import DEFAULT_DROP, Budget, check_absolute, check_costs, figure, in_points, parse_budget

ORIGINAL = Figures(80.0, (78.0, 82.0), 10.0, (9.9, 10.1), 11.0, 4_000_000, 100_000_000, 1_000_000, 8_000_000)


def test_the_budget_of_the_demo() -> None:
    budget = parse_budget("size<=2%, latency<=15%, drop<=0.5pt")
    assert [(limit.measure, limit.value, limit.relative) for limit in budget.limits] == [
        ("size", 0.02, True), ("latency", 0.15, True), ("drop", 0.5, False),
    ]  # fmt: skip
    assert str(budget) == "size<=2%, latency<=15%, drop<=0.5pt"
    assert parse_budget(str(budget)) == budget


def test_numbers_with_units() -> None:
    budget = parse_budget(" latency <= 5 ms,size<=1.5MiB,memory<=2GB , macs<=100M,parameters<=1.5k ")
    assert {limit.measure: limit.value for limit in budget.costs} == {
        "latency": 5.0, "size": 1.5 * 2**20, "memory": 2e9, "macs": 100e6, "parameters": 1500.0,
    }  # fmt: skip
    assert not any(limit.relative for limit in budget.costs)


def test_without_a_limit_on_the_drop_it_is_one_percent() -> None:
    assert parse_budget("size<=2%").drop == DEFAULT_DROP
    assert parse_budget("size<=2%, drop<=3pt").drop.value == 3.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the budget is empty"),
        (" , ,", "the budget is empty"),
        ("small", "'small' is not a limit"),
        ("size<2%", "'size<2%' is not a limit"),
        ("size>=2%", "not a limit"),
        ("size=2%", "not a limit"),
        ("size<=", "not a number with a unit"),
        ("size<=two", "not a number with a unit"),
        ("size<=2%<=3%", "not a number with a unit"),
        ("size<=2", "has no unit"),
        ("size<=2ms", "has the unit 'ms'"),
        ("latency<=5MB", "has the unit 'MB'"),
        ("drop<=0.5", "has no unit"),
        ("<=2%", "unknown measure ''"),
        ("latncy<=5ms", "unknown measure 'latncy'"),
        ("Size<=2%", "unknown measure 'Size'"),
        ("price<=2%", "unknown measure 'price'"),
        ("size<=2%, size<=1MB", "limits size twice: 'size<=2%' and 'size<=1MB'"),
        ("drop<=1pt, drop<=2pt, size<=2%", "limits drop twice"),
        ("size<=0MB", "can never be met"),
        ("latency<=-5ms", "can never be met"),
        ("size<=0%", "can never be met"),
        ("size<=2%, drop<=-1pt", "asks for a gain"),
        ("size<=120%", "allows more than the original has"),
        ("size<=2%, drop<=101%", "allows more than the original has"),
        ("size<=1e999MB", "too large"),
        ("size<=2%; latency<=15%", "not a number with a unit"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, said: str) -> None:
    with pytest.raises(LissomError) as caught:
        parse_budget(text)
    assert said in caught.value.message
    assert 1 <= len(str(caught.value).splitlines()) <= 4


def test_a_slip_of_the_pen_is_guessed() -> None:
    for text in ("latncy<=5ms", "Size<=2%", "parmeters<=5M"):
        with pytest.raises(LissomError) as caught:
            parse_budget(text)
        assert caught.value.hints[0].startswith("did you mean"), text


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse_budget(text).limits
    except LissomError as error:
        assert len(str(error).splitlines()) <= 4


@given(
    st.dictionaries(
        st.sampled_from(["latency", "size", "memory", "macs", "parameters", "drop"]),
        st.integers(1, 100).map(lambda n: f"{n}%"),
        min_size=1,
    ).filter(lambda limits: set(limits) != {"drop"})
)
def test_what_is_read_is_written_so(limits: dict[str, str]) -> None:
    text = ", ".join(f"{measure}<={value}" for measure, value in limits.items())
    assert parse_budget(str(parse_budget(text))) == parse_budget(text)


def check(text: str, final: Figures, drop: float = 0.0, ratio: float = 1.0) -> dict[str, tuple[float, bool]]:
    checks = parse_budget(text).check(ORIGINAL, final, drop, ratio)
    return {item.limit: (round(item.used, 6), item.met) for item in checks}


def test_percentages_are_of_the_original() -> None:
    final = replace(ORIGINAL, size_bytes=40_000, peak_memory_bytes=800_000, macs=5_000_000, parameters=20_000)
    found = check("size<=1%, memory<=9%, macs<=5%, parameters<=1%", final)
    assert found == {
        "size": (0.01, True), "memory": (0.1, False), "macs": (0.05, True), "parameters": (0.02, False),
        "drop": (0.0, True),
    }  # fmt: skip


def test_a_relative_latency_is_the_ratio_of_timings_taken_in_turn() -> None:
    slow_moment = replace(ORIGINAL, latency_ms=9.0)
    assert check("latency<=15%", slow_moment, ratio=0.14)["latency"] == (0.14, True)
    assert check("latency<=15%", slow_moment, ratio=0.16)["latency"] == (0.16, False)
    assert check("latency<=9ms", slow_moment, ratio=0.14)["latency"] == (9.0, True)


def test_drops_are_in_points_or_relative_to_the_score() -> None:
    assert check("size<=100%, drop<=0.5pt", ORIGINAL, drop=0.5)["drop"] == (0.5, True)
    assert check("size<=100%, drop<=0.5pt", ORIGINAL, drop=0.51)["drop"] == (0.51, False)
    assert check("size<=100%, drop<=1%", ORIGINAL, drop=0.8)["drop"] == (0.01, True)
    assert check("size<=100%, drop<=1%", ORIGINAL, drop=0.81)["drop"][1] is False
    assert check("size<=100%, drop<=0pt", ORIGINAL, drop=-3.0)["drop"] == (-3.0, True)


def test_a_relative_drop_of_a_negative_score_is_of_its_size() -> None:
    (limit,) = parse_budget("size<=100%, drop<=10%").limits[1:]
    negative = replace(ORIGINAL, score=-20.0)
    assert limit.allowed(negative) == 2.0
    checks = [limit.check(negative, negative, drop, 1.0) for drop in (1.0, 3.0)]
    assert [(item.used, item.met) for item in checks] == [(0.05, True), (0.15, False)]


def test_limits_are_written_for_people() -> None:
    checks = parse_budget("size<=2%, latency<=5ms, memory<=1MB, macs<=10M, drop<=0.5pt").check(
        ORIGINAL, ORIGINAL, 0.25, 1
    )
    assert [(item.used_text, item.allowed_text) for item in checks] == [
        ("100 %", "2 %"), ("10 ms", "5 ms"), ("8 MB", "1 MB"), ("100 M", "10 M"), ("0.25 points", "0.50 points"),
    ]  # fmt: skip


def test_what_each_limit_allows_in_its_own_unit() -> None:
    budget = parse_budget("size<=2%, latency<=5ms, drop<=1%")
    assert {limit.measure: limit.allowed(ORIGINAL) for limit in budget.costs} == {"size": 80_000.0, "latency": 5.0}
    assert budget.drop.allowed(ORIGINAL) == pytest.approx(0.8)


def test_a_budget_that_the_original_meets_is_refused() -> None:
    with pytest.raises(LissomError, match="meets the budget already"):
        check_absolute(parse_budget("size<=5MB, latency<=20ms"), ORIGINAL)
    check_absolute(parse_budget("size<=5MB, latency<=20ms"), ORIGINAL, planned=True)  # it judges the plan
    check_absolute(parse_budget("size<=5MB, latency<=9ms"), ORIGINAL)
    check_absolute(parse_budget("drop<=1%"), ORIGINAL)  # of a front: no cost is limited, so none is met


def test_a_share_of_a_score_of_nothing_is_refused() -> None:
    """A score in which the original has 0 is nothing that a percentage of can be lost."""
    codec = replace(ORIGINAL, score=0.0)
    with pytest.raises(LissomError, match=r"scores 0, so drop<=1% is a share of nothing") as caught:
        check_absolute(parse_budget("size<=50%"), codec)
    assert "drop<=0.5pt" in caught.value.hints[0]
    check_absolute(parse_budget("size<=50%, drop<=2pt"), codec)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("drop<=1%", "drop<=1pt"),
        ("macs<=40%", "macs<=40%, drop<=1pt"),
        ("drop<=2.5%,size<=2MB", "size<=2MB, drop<=2.5pt"),
        ("size<=2MB, drop<=5pt", "size<=2MB, drop<=5pt"),
    ],
)
def test_a_drop_in_percent_of_a_score_in_percent_is_in_points(text: str, told: str) -> None:
    assert in_points(text) == told
    check_absolute(parse_budget(in_points(text)), replace(ORIGINAL, score=0.0))


def test_each_measure_has_its_figure() -> None:
    found = {limit.measure: figure(ORIGINAL, limit.measure) for limit in _every().costs}
    assert found == {"latency": 10.0, "size": 4e6, "memory": 8e6, "macs": 1e8, "parameters": 1e6}


def _every() -> Budget:
    return parse_budget("latency<=1%, size<=1%, memory<=1%, macs<=1%, parameters<=1%")


def test_a_budget_of_the_drop_alone_is_for_fronts() -> None:
    with pytest.raises(LissomError, match=r"'drop<=1%' limits only the drop") as caught:
        check_costs(parse_budget("drop<=1%"))
    assert any("--front" in hint for hint in caught.value.hints)
    check_costs(parse_budget("size<=2%"))
