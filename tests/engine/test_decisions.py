"""Kept or undone, case by case."""

from dataclasses import replace

import pytest

from lissom.core.records import Figures, LimitCheck
from lissom.engine.decisions import clear, decide, overshoot
from lissom.engine.measuring import Comparison
from lissom.plan.budget import parse_budget

ORIGINAL = Figures(90.0, (89.0, 91.0), 10.0, (9.9, 10.1), 11.0, 1_000_000, 1_000_000, 250_000, 4_000_000)
BUDGET = parse_budget("size<=10%, latency<=20%, drop<=1pt")


def measured(size: float, ratio: float, drop: float) -> Comparison:
    """An artefact of a share of the size and of the time."""
    figures = replace(ORIGINAL, size_bytes=round(size * 1_000_000), latency_ms=ratio * 10.0, score=90.0 - drop)
    return Comparison(figures, drop, (drop - 0.5, drop + 0.5), ratio, (ratio, ratio), 95.0)


def kept(tried: Comparison, before: Comparison | None = None, *, quantized: bool = False) -> tuple[bool, str]:
    decision = decide(BUDGET, ORIGINAL, tried, before, quantized=quantized)
    return decision.kept, decision.reason


@pytest.mark.parametrize(
    ("tried", "expected", "reason"),
    [
        (measured(0.05, 0.10, 0.5), True, "meets the budget"),
        (measured(0.10, 0.20, 1.0), True, "meets the budget"),
        (measured(0.05, 0.10, 1.2), False, "loses 1.20 points, allowed are 1.00 points"),
        (measured(0.30, 0.10, 0.5), True, "on the way: size 30 % of 10 %"),
        (measured(0.30, 0.25, 0.5), True, "on the way: size 30 % of 10 %, latency 25 % of 20 %"),
        (measured(0.30, 0.25, 1.5), False, "loses 1.50 points"),
        (measured(0.05, 0.10, -2.0), True, "meets the budget"),
    ],
)
def test_a_first_cut(tried: Comparison, expected: bool, reason: str) -> None:
    found = kept(tried)
    assert found[0] is expected and reason in found[1]


@pytest.mark.parametrize(
    ("tried", "before", "expected", "reason"),
    [
        (measured(0.20, 0.1, 0.5), measured(0.30, 0.1, 0.2), True, "on the way"),
        (measured(0.30, 0.1, 0.5), measured(0.30, 0.1, 0.2), False, "no nearer to the budget"),
        (measured(0.40, 0.1, 0.5), measured(0.30, 0.1, 0.2), False, "no nearer to the budget"),
        (measured(0.05, 0.1, 0.5), measured(0.30, 0.1, 0.2), True, "meets the budget"),
        (measured(0.05, 0.1, 0.4), measured(0.08, 0.1, 0.2), True, "meets the budget"),
        (measured(0.05, 0.1, 0.9), measured(0.08, 0.1, 0.2), False, "too near to"),
        (measured(0.20, 0.4, 0.5), measured(0.30, 0.3, 0.2), True, "on the way"),  # more of size than of latency
        (measured(0.20, 0.5, 0.5), measured(0.30, 0.3, 0.2), False, "no nearer"),
        (measured(0.20, 0.9, 0.5), measured(0.30, 0.3, 0.2), False, "no nearer"),
    ],
)
def test_a_further_cut(tried: Comparison, before: Comparison, expected: bool, reason: str) -> None:
    found = kept(tried, before)
    assert found[0] is expected and reason in found[1]


@pytest.mark.parametrize(
    ("tried", "before", "expected", "reason"),
    [
        (measured(0.03, 0.08, 0.5), measured(0.09, 0.10, 0.2), True, "1.25x the speed"),
        (measured(0.03, 0.10, 0.5), measured(0.09, 0.10, 0.2), False, "(1.00x the speed), and no limit needs"),
        (measured(0.03, 0.0985, 0.5), measured(0.09, 0.10, 0.2), False, "not faster"),
        (measured(0.03, 0.15, 0.5), measured(0.09, 0.10, 0.2), False, "not faster (0.67x"),
        (measured(0.08, 0.15, 0.5), measured(0.30, 0.10, 0.2), True, "the limit on size needs it"),
        (measured(0.08, 0.25, 0.5), measured(0.09, 0.10, 0.2), False, "latency is met without it only"),
        (measured(0.08, 0.25, 0.5), measured(0.30, 0.10, 0.2), False, "latency is met without it only"),
        (measured(0.08, 0.05, 1.2), measured(0.30, 0.10, 0.2), False, "loses 1.20 points"),
        (measured(0.15, 0.12, 0.5), measured(0.60, 0.12, 0.2), True, "nearer to the budget"),
        (measured(0.08, 0.15, 0.5), measured(0.30, 0.30, 0.2), True, "the limit on size and latency needs it"),
        (measured(0.08, 0.15, 0.5), None, True, "the limit on size and latency needs it (6.67x the speed)"),
        (measured(0.25, 0.15, 0.5), None, True, "the limit on latency needs it"),
        (measured(0.25, 0.50, 0.5), None, True, "2.00x the speed"),
        (measured(1.10, 1.10, 0.0), None, False, "not faster (0.91x the speed)"),
    ],
)  # fmt: skip
def test_a_number_format(tried: Comparison, before: Comparison | None, expected: bool, reason: str) -> None:
    found = kept(tried, before, quantized=True)
    assert found[0] is expected and reason in found[1], found


def check(measure: str, used: float, allowed: float) -> LimitCheck:
    return LimitCheck(measure, used, allowed, "", "", used <= allowed)


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        ((check("size", 0.05, 0.1), check("drop", 0.5, 1.0)), 0.0),
        ((check("size", 0.15, 0.1), check("drop", 0.5, 1.0)), 0.5),
        ((check("size", 0.15, 0.1), check("drop", 3.0, 1.0)), 2.5),
        ((check("size", 0.05, 0.1), check("drop", 3.0, 1.0)), 2.0),
        ((check("size", 0.1, 0.1), check("drop", -4.0, 1.0)), 0.0),
        ((check("drop", -1.0, -2.0),), 0.5),
    ],
)
def test_overshoot_is_what_is_beyond_each_limit_as_a_share_of_it(
    checks: tuple[LimitCheck, ...], expected: float
) -> None:
    assert overshoot(checks) == pytest.approx(expected)


def test_a_drop_of_nothing_allowed_is_no_division_by_zero() -> None:
    assert 0 < overshoot((check("drop", 0.1, 0.0),)) < float("inf")


@pytest.mark.parametrize(
    ("tried", "before", "expected", "reason"),
    [
        (measured(0.05, 0.10, 0.3), measured(0.05, 0.15, 0.2), True, "1.50x the speed; meets the budget"),
        (measured(0.05, 0.15, 0.3), measured(0.05, 0.15, 0.2), False, "not faster (1.00x the speed)"),
        (measured(0.05, 0.20, 9.0), measured(0.05, 0.15, 0.2), False, "not faster (0.75x the speed)"),
        (measured(0.05, 0.10, 1.5), measured(0.05, 0.15, 0.2), False, "loses 1.50 points"),
        (measured(0.05, 0.10, 0.9), measured(0.05, 0.15, 0.2), False, "too near to"),
        (measured(0.20, 0.10, 0.3), None, True, "10.00x the speed; on the way: size 20 % of 10 %"),
        (measured(0.20, 1.10, 0.3), None, False, "not faster (0.91x the speed)"),
        (measured(0.20, 0.25, 0.3), measured(0.30, 0.25, 0.2), True, "size 33% less (1.00x the speed); on the way"),
    ],
)
def test_rewritten_layers_have_to_pay(
    tried: Comparison, before: Comparison | None, expected: bool, reason: str
) -> None:
    found = decide(BUDGET, ORIGINAL, tried, before, quantized=False, rewritten=True)
    assert found.kept is expected and reason in found.reason


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        (measured(0.05, 0.10, 0.4), True),
        (measured(0.09, 0.18, 0.5), True),  # nine tenths of both, and the interval of the drop ends at its limit
        (measured(0.095, 0.10, 0.4), False),
        (measured(0.05, 0.19, 0.4), False),
        (measured(0.05, 0.10, 0.6), False),  # the drop may be 1.1
        (measured(0.50, 0.10, 0.4), False),
    ],
)
def test_met_with_margin(tried: Comparison, expected: bool) -> None:
    assert clear(BUDGET, ORIGINAL, tried) is expected
