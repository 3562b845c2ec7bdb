"""Timings are taken in turn, equally many of each, with the collector off. How long they take is not tested."""

import gc

import pytest

from lissom.core.timing import BURST, WARM_UP, interleaved, spread, unrest


def test_calls_take_turns_in_bursts() -> None:
    order: list[str] = []
    samples = interleaved({name: (lambda name=name: order.append(name)) for name in "ab"}, seconds=0, least=20)
    assert {len(values) for values in samples.values()} == {20}
    assert order[: 2 * WARM_UP] == ["a"] * WARM_UP + ["b"] * WARM_UP
    rounds = order[2 * WARM_UP :]
    length = BURST + 1  # the first call of a burst is not timed
    bursts = [rounds[start : start + length] for start in range(0, len(rounds), length)]
    assert all(len(set(burst)) == 1 for burst in bursts)
    assert all({one[0], other[0]} == {"a", "b"} for one, other in zip(bursts[::2], bursts[1::2], strict=True))


def test_the_order_within_a_round_varies_and_depends_on_the_seed() -> None:
    def first_of_each_round(seed: int) -> list[str]:
        order: list[str] = []
        interleaved({n: (lambda n=n: order.append(n)) for n in "ab"}, seconds=0, least=100, seed=seed)
        return order[2 * WARM_UP :: 2 * (BURST + 1)]

    assert set(first_of_each_round(0)) == {"a", "b"}
    assert first_of_each_round(0) == first_of_each_round(0) != first_of_each_round(1)


def test_the_collector_is_off_while_timing_and_on_after() -> None:
    seen: list[bool] = []
    interleaved({"a": lambda: seen.append(gc.isenabled())}, seconds=0, least=5)
    assert not any(seen[WARM_UP:]) and gc.isenabled()


def test_the_collector_comes_back_after_an_error() -> None:
    calls = iter(range(WARM_UP + 2))
    with pytest.raises(StopIteration):
        interleaved({"a": lambda: next(calls)}, seconds=0)
    assert gc.isenabled()


def test_spread_is_relative() -> None:
    assert spread([2.0] * 30) == 0.0
    noisy = [1.0, 3.0] * 30
    assert spread(noisy) == pytest.approx(spread([10 * value for value in noisy]))
    assert spread(noisy) > 0.1


def test_unrest_sees_a_pace_that_changes_however_many_samples_there_are() -> None:
    steady = [1.0, 1.1, 0.9] * 200
    changing = ([1.0] * 75 + [1.5] * 75) * 4
    assert unrest(steady) == 0.0 and unrest([2.0]) == 0.0
    assert unrest(changing) == pytest.approx(0.4)  # quartiles 1 and 1.5, median 1.25
    assert unrest([3 * value for value in changing]) == pytest.approx(0.4)
    assert spread(changing * 20) < 0.5
