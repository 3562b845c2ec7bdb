"""Which rung of the ladder is tried next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.plan.search import Outcome, first_rung, hopes_by_pace, next_rung


@pytest.mark.parametrize(
    ("drops", "hope", "expected"),
    [
        ([0.2, 0.8, 3.0], 1.0, 1),
        ([0.2, 0.8, 3.0], 5.0, 2),
        ([4.0, 6.0], 1.0, 0),  # nothing is hopeful: the widest
        ([2.0, 0.5, 3.0], 1.0, 1),  # a narrower rung may lose less
        ([], 1.0, 0),
    ],
)
def test_the_first_rung_is_the_narrowest_hopeful_one(drops: list[float], hope: float, expected: int) -> None:
    assert first_rung(drops, hope) == expected


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [
        ([5.0, 5.0, 5.0], [2.0, 2.0, 2.0]),  # nothing limits the time
        ([3.0, 15.0], [2.0, 4.0]),  # four times as long, with the one that everybody has before
        ([0.0, 3.0], [2.0, 4.0]),
        ([4.0, 3.0], [2.0, 2.0]),  # noise: a narrower one is no slower
    ],
)
def test_a_rung_that_learns_for_longer_may_lose_more_before(epochs: list[float], expected: list[float]) -> None:
    assert hopes_by_pace(2.0, epochs) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rungs", "first", "outcomes", "expected"),
    [
        (4, 2, [], 2),
        (4, 2, [(2, True)], 3),  # met: narrower
        (4, 2, [(2, False)], 1),  # missed: wider
        (4, 2, [(2, True), (3, True)], None),  # the narrowest meets it
        (4, 2, [(2, True), (3, False)], None),  # the narrowest that meets it is known
        (4, 2, [(2, False), (1, True)], None),
        (4, 2, [(2, False), (1, False)], 0),
        (4, 0, [(0, False)], None),  # nothing is wider
        (1, 0, [(0, True)], None),
    ],
)
def test_narrower_after_a_success_and_wider_after_a_failure(
    rungs: int, first: int, outcomes: list[tuple[int, bool]], expected: int | None
) -> None:
    assert next_rung(rungs, first, [Outcome(*outcome) for outcome in outcomes]) == expected


@given(st.integers(1, 8), st.data())
def test_the_search_finds_the_narrowest_rung_that_meets_the_budget(rungs: int, data: st.DataObject) -> None:
    narrowest = data.draw(st.integers(-1, rungs - 1), label="rungs 0 to this one meet it")
    first = data.draw(st.integers(0, rungs - 1))
    outcomes: list[Outcome] = []
    while (rung := next_rung(rungs, first, outcomes)) is not None:
        assert rung not in {outcome.rung for outcome in outcomes}
        outcomes.append(Outcome(rung, rung <= narrowest))
    met = [outcome.rung for outcome in outcomes if outcome.kept]
    assert max(met, default=-1) == narrowest
