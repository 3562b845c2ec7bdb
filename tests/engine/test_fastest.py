"""Close candidates are measured again until one is within 3 % of the fastest for sure; far ones never are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lissom.engine import fastest
from lissom.engine.fastest import settle, unsettled

EXAMPLE = [np.zeros((1, 3), np.float32)]


def noisy(middle: float, spread: float, count: int = 40, seed: int = 0) -> list[float]:
    return list(middle * (1 + spread * np.random.default_rng(seed).standard_normal(count)))


def test_what_is_far_behind_is_settled() -> None:
    assert unsettled({"a": noisy(2.0, 0.02), "b": noisy(1.0, 0.02, seed=1), "c": noisy(1.2, 0.02, seed=2)}) == ["b"]


def test_what_cannot_be_told_apart_is_not() -> None:
    samples = {"a": noisy(1.0, 0.3), "b": noisy(1.02, 0.3, seed=1), "c": noisy(3.0, 0.1, seed=2)}
    assert set(unsettled(samples)) == {"a", "b"}


def test_two_that_are_equal_for_sure_need_no_more() -> None:
    assert unsettled({"a": noisy(1.0, 0.005), "b": noisy(1.001, 0.005, seed=1)}) == ["a"]


class Measured:
    """Plays rounds back: what a measurement finds is decided beforehand."""

    def __init__(self, middles: Mapping[str, float], spread: float) -> None:
        self.middles, self.spread, self.asked = middles, spread, list[list[str]]()

    def __call__(self, load: Mapping[str, Any], example: Any, *, seconds: float, seed: int = 0) -> dict[str, Any]:
        self.asked.append(list(load))
        return {name: noisy(self.middles[name], self.spread, 400, seed + 50) for name in load}


def settled(monkeypatch: pytest.MonkeyPatch, first: dict[str, list[float]], later: Measured) -> str:
    monkeypatch.setattr(fastest, "one_round", later)
    return settle(dict.fromkeys(first, lambda: None), EXAMPLE, first, seconds=1.0)  # pyright: ignore[reportArgumentType]


def test_the_close_ones_alone_are_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = {"a": noisy(1.0, 0.2, 40), "b": noisy(1.0, 0.2, 40, seed=1), "c": noisy(2.0, 0.02, 40, seed=2)}
    later = Measured({"a": 1.1, "b": 1.0}, spread=0.01)
    assert settled(monkeypatch, first, later) == "b"
    assert later.asked and all(set(names) == {"a", "b"} for names in later.asked)
    assert len(first["c"]) == 40 < len(first["b"]), "what was measured later counts too"


def test_it_comes_to_an_end_where_nothing_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    first = {name: noisy(1.0, 0.9, 40, seed) for seed, name in enumerate("ab")}
    later = Measured({"a": 1.0, "b": 1.0}, spread=0.9)
    assert settled(monkeypatch, first, later) in "ab"
    assert 1 <= len(later.asked) <= fastest.ROUNDS
