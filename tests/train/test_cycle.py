"""One cycle of rates: up, down to nothing, and its end is reached in whatever time there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lissom.core.progress import Deadline
from lissom.train import cycle as module
from lissom.train.cycle import Cycle, one_cycle


@given(st.floats(0, 1), st.floats(0.05, 0.9))
def test_one_cycle_stays_between_nothing_and_the_highest(done: float, warm_up: float) -> None:
    assert -1e-9 <= one_cycle(done, warm_up) <= 1 + 1e-9


def test_one_cycle_rises_and_falls() -> None:
    rates = [one_cycle(step / 100, 0.2) for step in range(101)]
    assert rates[0] == pytest.approx(0.04) and rates[20] == pytest.approx(1.0) and rates[100] == pytest.approx(0.0)
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)
    assert one_cycle(0.6, 0.2) == pytest.approx(0.5)


@given(st.integers(1, 200), st.floats(0, 0.9))
def test_without_a_deadline_every_step_is_taken(steps: int, warm_up: float) -> None:
    cycle, rates = Cycle(steps, warm_up), list[float]()
    while not cycle.finished:
        rates.append(cycle.rate)
        cycle.advance()
    assert rates == pytest.approx([one_cycle(step / steps, warm_up) for step in range(steps)], abs=1e-9)
    assert cycle.rate == pytest.approx(0, abs=1e-9)


@given(st.integers(2, 200), st.data())
def test_a_shortened_cycle_still_ends_at_nothing(steps: int, data: st.DataObject) -> None:
    cycle = Cycle(steps, 0.2)
    before = cycle.rate
    while not cycle.finished:
        if data.draw(st.booleans()):
            cycle.fit(data.draw(st.floats(0, 100)), 1.0)
            assert 1 <= cycle.left <= cycle.planned - cycle.step
        before = cycle.rate
        cycle.advance()
    assert cycle.step <= steps and cycle.done == pytest.approx(1)
    assert cycle.rate == pytest.approx(0, abs=1e-9) and before >= 0


def test_time_that_comes_back_is_used() -> None:
    cycle = Cycle(100, 0.2)
    cycle.advance()
    cycle.fit(10.0, 1.0)
    assert cycle.left == 10
    cycle.fit(1000.0, 1.0)
    assert cycle.left == 99


def test_slow_steps_shorten_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    class Until(Deadline):
        def left(self) -> float:
            return 1000.0 - now[0]

    cycle = Cycle(1000, 0.2, Until(None))
    while not cycle.finished:
        now[0] += 2.0  # twice as long as a thousand steps have
        cycle.advance()
    assert 900 < now[0] <= 1000 and 450 < cycle.step <= 500


def test_a_pause_changes_nothing() -> None:
    whole, first = Cycle(30, 0.2), Cycle(30, 0.2)
    for _ in range(11):
        whole.advance()
        first.advance()
    again = Cycle(30, 0.2)
    again.resume(first.state())
    for _ in range(19):
        assert again.rate == whole.rate
        whole.advance()
        again.advance()
    assert again.finished
